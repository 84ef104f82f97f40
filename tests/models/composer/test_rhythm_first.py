"""The output that predicts the rhythm first, compared with its formula note by note."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from data_prep.errors import BadInputError
from models.composer.composing.tune_composer import TuneComposer
from models.composer.scoring import score_tunes
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.folded.request import BackendName, use
from models.folded.torch_typing import tensor
from models.uses.request import SamplingRequest
from tests.hand_melodies import melodies, random_tunes
from tests.models.closeness import assert_close
from tests.models.composer_batches import random_batch
from tests.models.trained_composers import trained

G = 3
DATA = melodies(random_tunes(15, G), num_folds=G)


def task(**settings: Any) -> ComposerTask:
    small = {"size": 5, "embedding": 4, "copying_units": 4, "batch_size": 4, "length": 8}
    spec = ComposerSpec.model_validate({**small, "factorisation": "rhythm_first", **settings})
    made = ComposerTask(spec, DATA, seed=3, trial=1, device="cpu")
    made.model.double()
    for parameter in made.model.parameters():  # distributions far from uniform
        parameter.data.mul_(3.0)
    return made


def naive(made: ComposerTask, hidden: Tensor, fold: int, token: int) -> Tensor:
    """Return log p of a token after the hidden state [H]."""
    model, vocabulary = made.model, made.encoding.vocabulary
    assert model.rhythm is not None
    rhythm = [(int(d), int(p)) for d, p in zip(vocabulary.token_duration, vocabulary.token_position, strict=True)]
    every = sorted(set(rhythm))
    known = sorted({rhythm[other] for other in np.flatnonzero(vocabulary.seen[fold])})
    weight, bias = model.rhythm.weight(), model.rhythm.bias()
    scores = {r: weight[fold, every.index(r)] @ hidden + bias[fold, every.index(r), 0] for r in known}
    of_tokens, of_biases = model.head_weight(), model.head_bias()
    fellows = [other for other in np.flatnonzero(vocabulary.seen[fold]).tolist() if rhythm[other] == rhythm[token]]
    logits = {other: of_tokens[fold, other] @ hidden + of_biases[fold, other, 0] for other in fellows}
    if token not in logits:
        return torch.tensor(-math.inf, dtype=torch.float64)
    of_rhythm = scores[rhythm[token]] - torch.logsumexp(torch.stack(list(scores.values())), 0)
    return of_rhythm + logits[token] - torch.logsumexp(torch.stack(list(logits.values())), 0)


@pytest.mark.parametrize("beat", ["input", "target"])
@pytest.mark.parametrize("copying", ["off", "match+bars"])
@pytest.mark.parametrize("head", ["token", "factored"])
@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_losses_and_gradients_equal_the_formula(beat: str, copying: str, head: str, backend: BackendName) -> None:
    own_loss = {} if copying == "off" else {"copying_own_loss": 0.7}
    made = task(beat=beat, copying=copying, head=head, **own_loss)
    assert not made.encoding.seen.all()
    parameters, arguments = list(made.model.parameters()), random_batch(made)
    tokens, positions, targets, share, _, copies = arguments
    use(backend)
    try:
        loss, nats = made.model.losses(*arguments)
        actual = torch.autograd.grad(loss.sum(), parameters, retain_graph=True)
    finally:
        use("reference")
    hidden, _ = made.model.hidden(tokens, positions)
    expected, expected_nats = torch.zeros(2, G, dtype=torch.float64)
    gates = None if made.model.gate is None or copies is None else made.model.gate(
        hidden, copies.features, copies.present
    ).exp()  # fmt: skip
    for fold, step, sequence in np.argwhere(share.numpy() > 0).tolist():
        log_p = naive(made, hidden[fold, step, sequence], fold, int(targets[fold, step, sequence]))
        note = -log_p
        if gates is not None and copies is not None:
            gate = gates[fold, step, sequence]
            note = -torch.log(gate[0] * log_p.exp() + gate[1:] @ copies.hits[fold, step, sequence])
        weight = share[fold, step, sequence]
        expected_nats = expected_nats.index_add(0, torch.tensor([fold]), (note * weight)[None])
        more = note if gates is None else note - 0.7 * log_p
        expected = expected.index_add(0, torch.tensor([fold]), (more * weight)[None])
    assert_close(loss, expected)
    assert_close(nats, expected_nats.detach())
    wanted = torch.autograd.grad(expected.sum(), parameters)
    for one, other in zip(actual, wanted, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("beat", ["off", "target"])
def test_log_probabilities_equal_the_formula_and_sum_to_one(beat: str) -> None:
    made = task(beat=beat, copying="off")
    tokens, positions, *_ = random_batch(made)
    num_tokens = made.encoding.num_tokens
    asked = torch.arange(-1, num_tokens).expand(*tokens.shape, -1)
    log_p, _ = made.model.log_probabilities(tokens, positions, asked)
    assert torch.isneginf(log_p[..., 0]).all()
    assert_close(log_p.exp().sum(-1), torch.ones(tokens.shape, dtype=torch.float64))
    hidden, _ = made.model.hidden(tokens, positions)
    for fold in range(G):
        for token in range(num_tokens):
            assert_close(log_p[fold, 2, 1, token + 1], naive(made, hidden[fold, 2, 1], fold, token).detach())


def test_rhythms_without_any_known_token_have_probability_zero() -> None:
    made = task(beat="target", copying="off")
    assert made.model.rhythm is not None
    _, bias = made.model.rhythm.head()
    assert torch.isneginf(bias).any()
    asked = torch.arange(made.encoding.num_tokens).expand(G, 1, 1, -1)
    nothing = torch.full((G, 1, 1), made.model.begin)
    log_p, _ = made.model.log_probabilities(nothing, torch.zeros_like(nothing), asked)
    assert torch.equal(torch.isneginf(log_p[:, 0, 0]), tensor(~made.encoding.seen))


def test_a_trained_model_composes_and_scores(tmp_path: Path) -> None:
    path = trained(tmp_path / "model.pt", factorisation="rhythm_first")
    composer = TuneComposer.load(path)
    tunes = composer.compose(SamplingRequest(bars=4, metre="4/4"), count=3, seed=2)
    assert all(sum(tune.duration) == 16 for tune in tunes)
    assert len({tune.pitch for tune in tunes}) == 3
    scores = score_tunes(path, melodies(random_tunes(4, 2, seed=9), num_folds=2), None).values
    assert np.isfinite(scores).all()


def test_the_loss_of_near_misses_is_that_of_the_joint_softmax_only() -> None:
    with pytest.raises(BadInputError, match=r"near_miss = 0\.2 changes nothing here.*factorisation = joint"):
        ComposerSpec.from_values({"near_miss": 0.2, "factorisation": "rhythm_first"})


def test_settings_stored_before_the_factorisation_are_read() -> None:
    stored = ComposerSpec().model_dump()
    del stored["factorisation"]
    assert ComposerSpec.from_stored(stored) == ComposerSpec()
