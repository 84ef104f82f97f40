"""Single steps in numpy compared with the model on entire sequences, for all kinds of models."""

from itertools import product

import numpy as np
import pytest
import torch

from data_prep.randomness import stream
from models.composer.composing.copy_experts import CopyExperts
from models.composer.composing.note_rules import Bars
from models.composer.composing.steps import ComposerSteps
from models.composer.copy_gate import NUM_EXPERTS, Copying
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.folded.torch_typing import tensor
from tests.hand_melodies import melodies, random_tunes

G, T, B = 3, 7, 4
DATA = melodies(random_tunes(15, G), num_folds=G)

CELLS = ("rnn", "gru", "lstm", "peephole")
KINDS = [
    *product(CELLS, ("token", "factored"), ("token", "factored"), ("off",), (1,), ("joint",)),
    *product(CELLS, ("token", "factored"), ("factored",), ("input", "target"), (3,), ("joint",)),
    *product(("lstm",), ("factored",), ("token", "factored"), ("input", "target"), (1,), ("rhythm_first",)),
]


@pytest.mark.parametrize(("cell", "kind", "head", "beat", "layers", "factorisation"), KINDS)
def test_steps_equal_whole_sequences(
    cell: str, kind: str, head: str, beat: str, layers: int, factorisation: str
) -> None:
    spec = ComposerSpec.model_validate(
        {"cell": cell, "input": kind, "head": head, "beat": beat, "layers": layers, "size": 6, "embedding": 5}
        | {"copying": "off", "factorisation": factorisation}
    )
    task = ComposerTask(spec, DATA, seed=1, trial=0, device="cpu")
    model, encoding = task.model, task.encoding
    with torch.no_grad():
        for parameter in model.parameters():  # training could lead as far from the initial weights
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    random = torch.Generator().manual_seed(3)
    tokens = torch.randint(encoding.num_tokens, (T, B), generator=random)
    tokens[0], tokens[2, 1] = model.begin, model.unknown
    places = torch.randint(encoding.num_positions + 1, (T, B), generator=random)
    # A fold reads its last row at a place that it, or the vocabulary, does not know.
    names = np.pad(encoding.seen_position, ((0, 0), (0, 1)))
    rows = np.where(names, np.arange(encoding.num_positions + 1), encoding.num_positions)
    positions = tensor(rows.astype(np.int64))[:, places]
    asked = torch.arange(encoding.num_tokens).expand(G, T, B, -1)
    log_p, _ = model.log_probabilities(tokens.expand(G, -1, -1), positions, asked)
    expected = (torch.logsumexp(log_p.double(), dim=0) - np.log(G)).numpy()
    steps = ComposerSteps(model, encoding.vocabulary)
    state = steps.start(B)
    actual = np.stack([steps.step(tokens[t].numpy(), places[t].numpy(), state) for t in range(T)])
    known = encoding.seen.any(axis=0)
    np.testing.assert_allclose(actual[..., known], expected[..., known], atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(np.exp(actual).sum(axis=-1), 1.0, rtol=1e-5)


def test_tokens_that_no_fold_knows_have_probability_zero() -> None:
    tunes = random_tunes(15, G)
    data = melodies(tunes, num_folds=G)
    task = ComposerTask(
        ComposerSpec(reading="literal", transpose=True, size=4, embedding=4), data, seed=0, trial=0, device="cpu"
    )
    unknown = ~task.encoding.seen.any(axis=0)
    assert unknown.any()  # tokens of pieces in several keys
    steps = ComposerSteps(task.model, task.encoding.vocabulary)
    actual = steps.step(np.array([steps.begin]), np.array([0]), steps.start(1))
    assert (np.exp(actual[:, unknown]) == 0).all()


@pytest.mark.parametrize("copying", NUM_EXPERTS)
def test_results_do_not_depend_on_other_sequences_to_the_last_bit(copying: Copying) -> None:
    spec = ComposerSpec(layers=2, size=96, embedding=32, copying=copying)
    task = ComposerTask(spec, melodies(random_tunes(15, G), num_folds=G), seed=1, trial=0, device="cpu")
    steps = ComposerSteps(task.model, task.encoding.vocabulary)
    vocabulary, num_notes = task.encoding.vocabulary, 21
    tokens = stream(0, "tokens").integers(4, size=(num_notes, 13))
    places = stream(0, "places").integers(task.encoding.num_positions, size=tokens.shape)
    actual: list[list[bytes]] = []
    for count in (1, 2, 4, 5, 13):
        state = steps.start(count)
        bars = [Bars(length=4, pickup=0, end=100)] * count
        experts = CopyExperts(vocabulary, copying, bars, beat_in_tokens=False) if copying != "off" else None
        actual.append([])
        for t in range(num_notes):
            pointers = experts and experts.look([t] * count, places[t, :count])
            actual[-1].append(steps.step(tokens[t, :count], places[t, :count], state, pointers)[0].tobytes())
            if experts is not None:
                experts.add(tokens[t, :count], [t] * count)
    assert all(result == actual[0] for result in actual)
