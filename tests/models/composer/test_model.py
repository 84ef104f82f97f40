"""The composer's network: independence of folds, factored rows, no influence of later inputs."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from models.composer.copy_gate import Copies
from models.composer.model import ComposerModel, FactoredRows
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.folded.dropout import DropoutStreams
from models.folded.optimiser import FoldedOptimiser
from models.folded.torch_typing import tensor
from tests.hand_melodies import melodies, random_tunes
from tests.models.closeness import assert_close

G = 3
DATA = melodies(random_tunes(15, G), num_folds=G)


def task(**settings: object) -> ComposerTask:
    spec = ComposerSpec.model_validate(
        {"size": 5, "embedding": 4, "layers": 2, "batch_size": 4, "length": 8, **settings}
    )
    made = ComposerTask(spec, DATA, seed=3, trial=1, device="cpu")
    made.model.double()
    return made


def batch(made: ComposerTask, steps: int = 6, sequences: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Return random tokens that each fold has seen, positions and targets, [G, T, B] each."""
    source = torch.Generator().manual_seed(0)
    seen = tensor(made.encoding.seen).double()
    size = steps * sequences
    tokens, targets = (
        torch.multinomial(seen, size, replacement=True, generator=source).view(G, steps, sequences) for _ in range(2)
    )
    positions = torch.randint(made.encoding.num_positions, (G, steps, sequences), generator=source)
    return tokens, positions, targets


def copies(made: ComposerTask, steps: int = 6, sequences: int = 2) -> Copies | None:
    """Return the experts' predictions of random notes of the corpus, [G, T, B, ...]."""
    return made.copies(torch.randint(made.encoding.melodies.num_notes, (G, steps, sequences)).numpy())


def of_fold(fold: int, actual: Copies | None) -> Copies | None:
    part = slice(fold, fold + 1)
    return actual and Copies(actual.features[part], actual.present[part], actual.hits[part])


class OneStream(DropoutStreams):
    """The dropout streams of a single fold."""

    def __init__(self, fold: int) -> None:
        super().__init__(3, "dropout", folds=range(G), trial=1, epoch=1)
        self._streams = self._streams[fold : fold + 1]


def only(model: ComposerModel, fold: int) -> ComposerModel:
    """Return one fold's model as a model of a single fold."""
    alone = copy.deepcopy(model)
    for parameter in alone.parameters():
        parameter.data = parameter.data[fold : fold + 1].clone()
    for part, whole in ((alone, model), (alone.rhythm, model.rhythm)):
        if part is not None and whole is not None:
            part.register_buffer("out_of_vocabulary", whole.get_buffer("out_of_vocabulary")[fold : fold + 1])
    return alone


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": cell, "input": kind, "head": kind, "beat": beat}
        for cell, kind, beat in [
            ("lstm", "factored", "input"),
            ("lstm", "token", "input"),
            ("gru", "factored", "target"),
            ("peephole", "token", "off"),
            ("rnn", "factored", "off"),
        ]
    ],
    ids=str,
)
@pytest.mark.parametrize("copying", ["off", "match+bars"])
@pytest.mark.parametrize("factorisation", ["joint", "rhythm_first"])
def test_folds_trained_in_lockstep_equal_models_trained_alone(
    settings: dict[str, str], copying: str, factorisation: str
) -> None:
    made = task(**settings, copying=copying, factorisation=factorisation)
    alone = [only(made.model, fold) for fold in range(G)]
    rules = [FoldedOptimiser(model.parameters(), "adamw", weight_decay=0.1, clip=0.3) for model in alone]
    together = FoldedOptimiser(made.model.parameters(), "adamw", weight_decay=0.1, clip=0.3)
    dropout, drops = (
        DropoutStreams(3, "dropout", folds=range(G), trial=1, epoch=1),
        [OneStream(fold) for fold in range(G)],
    )
    for _ in range(4):
        tokens, positions, targets = batch(made)
        share, actual = torch.rand(targets.shape, dtype=torch.float64), copies(made)
        loss, _ = made.model.losses(tokens, positions, targets, share, dropout, actual)
        together.step(loss, 0.05)
        for fold, (model, rule, drop) in enumerate(zip(alone, rules, drops, strict=True)):
            part = slice(fold, fold + 1)
            inputs = (tokens[part], positions[part], targets[part], share[part], drop, of_fold(fold, actual))
            rule.step(model.losses(*inputs)[0], 0.05)
    for name, parameter in made.model.named_parameters():
        for fold, model in enumerate(alone):
            assert_close(parameter[fold], model.get_parameter(name)[0])


@pytest.mark.parametrize("kind", ["token", "factored"])
def test_a_step_does_not_depend_on_later_inputs(kind: str) -> None:
    made = task(input=kind, beat="input")
    tokens, positions, _ = batch(made)
    whole, _ = made.model.hidden(tokens, positions)
    tokens[:, 3:], positions[:, 3:] = 0, 0
    changed, _ = made.model.hidden(tokens, positions)
    assert torch.equal(whole[:, :3], changed[:, :3])
    assert not torch.equal(whole[:, 3], changed[:, 3])


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "peephole"])
def test_a_piece_is_continued_from_a_state(cell: str) -> None:
    made = task(cell=cell)
    tokens, positions, _ = batch(made)
    whole, last = made.model.hidden(tokens, positions)
    first, state = made.model.hidden(tokens[:, :2], positions[:, :2])
    second, after = made.model.hidden(tokens[:, 2:], positions[:, 2:], state=state)
    assert_close(torch.cat([first, second], dim=1), whole)
    for state, other in zip(after, last, strict=True):
        for part, same in zip(state, other, strict=True):
            assert_close(part, same)


@pytest.mark.parametrize("beat", ["off", "target"])
def test_factored_weights_are_sums_over_the_factors_of_a_token(beat: str) -> None:
    made = task(beat=beat, input="factored", head="factored")
    encoding, (weight, bias) = made.encoding, made.model.head()
    names = [encoding.token_pitch, encoding.token_duration, *([encoding.token_position] if beat == "target" else [])]
    values = [np.unique(name, return_inverse=True)[1] for name in names]
    for rows, actual in ((made.model.head_weight, weight), (made.model.head_bias, bias.unsqueeze(2))):
        for fold in range(G):
            for token in np.flatnonzero(encoding.seen[fold]):
                expected = rows.own[fold, token].clone()
                for factor, value in zip(rows.factors, values, strict=True):
                    expected += factor[fold, value[token]]
                assert_close(actual[fold, token], expected)


def test_tokens_outside_a_folds_vocabulary_have_probability_zero() -> None:
    made = task()
    _, bias = made.model.head()
    assert torch.equal(torch.isneginf(bias), tensor(~made.encoding.seen))
    assert not made.encoding.seen.all()


@pytest.mark.parametrize("kind", ["token", "factored"])
def test_rows_of_unseen_tokens_and_positions_are_zero(kind: str) -> None:
    model = task(input=kind, beat="input").model
    table = model.get_parameter("layers.0.weight" if kind == "token" else "embedding.own")
    encoding = task(input=kind, beat="input").encoding
    zero = table.eq(0).all(dim=2)
    assert torch.equal(zero[:, : encoding.num_tokens], tensor(~encoding.seen))
    assert zero[:, -1].all()
    assert model.beat is not None
    assert torch.equal(model.beat.eq(0).all(dim=2)[:, :-1], tensor(~encoding.seen_position))


def test_initial_weights_are_named_by_seed_trial_and_fold() -> None:
    def weights(seed: int, trial: int) -> Tensor:
        spec = ComposerSpec(size=5, embedding=4)
        return ComposerModel(spec, task().encoding.vocabulary, seed=seed, trial=trial).head_weight.own

    assert torch.equal(weights(1, 2), weights(1, 2))
    assert not torch.equal(weights(1, 2), weights(1, 3))
    assert not torch.equal(weights(1, 2)[0], weights(1, 2)[1])


def test_rows_without_factors_are_unchanged() -> None:
    own = torch.randn(2, 3, 4)
    assert torch.equal(FactoredRows(own, [], [])(), own)
