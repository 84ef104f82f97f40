"""The loss that forgives near misses: it is the cross-entropy with the soft targets that its formula defines."""

import math
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.errors import BadInputError
from data_prep.melodies.events import REST_PITCH
from models.composer.near_misses import NearMisses
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.folded.cross_entropy import linear_cross_entropy
from models.folded.request import BackendName, use
from tests.hand_melodies import melodies, random_tunes
from tests.models.closeness import assert_close
from tests.models.composer_batches import random_batch
from tests.models.toy_vocabulary import vocabulary_of

G = 3
DATA = melodies(random_tunes(15, G), num_folds=G)


def task(**settings: Any) -> ComposerTask:
    small = {"size": 5, "embedding": 4, "copying_units": 4, "batch_size": 4, "length": 8}
    spec = ComposerSpec.model_validate({**small, **settings})
    made = ComposerTask(spec, DATA, seed=3, trial=1, device="cpu")
    made.model.double()
    for parameter in made.model.parameters():  # distributions far from uniform
        parameter.data.mul_(3.0)
    return made


def near_misses(vocabulary: MelodyVocabulary, fold: int, token: int) -> dict[int, float]:
    """Return the weights of a token's near misses in a fold, token by token."""

    def place(number: int) -> tuple[float, float, float]:
        return (
            float(vocabulary.token_pitch[number]) / 2,
            math.log2(vocabulary.durations[int(vocabulary.token_duration[number])]),
            float(vocabulary.positions[int(vocabulary.token_position[number])]),
        )

    weights = dict[int, float]()
    for other in range(vocabulary.num_tokens):
        apart = [abs(one - two) for one, two in zip(place(token), place(other), strict=True) if one != two]
        one_rests = (vocabulary.token_pitch[[token, other]] == REST_PITCH).sum() == 1
        if len(apart) == 1 and apart[0] <= 3 and not one_rests and vocabulary.seen[fold, other]:
            weights[other] = math.exp(-apart[0])
    return {other: weight / sum(weights.values()) for other, weight in weights.items()}


def soft_targets(made: ComposerTask, targets: Tensor) -> Tensor:
    """Return the target distribution of each note, [G, T, B, V]."""
    vocabulary, share = made.encoding.vocabulary, made.spec.near_miss
    soft = torch.zeros(*targets.shape, vocabulary.num_tokens, dtype=torch.float64)
    for fold in range(G):
        for step in range(targets.shape[1]):
            for sequence in range(targets.shape[2]):
                token = int(targets[fold, step, sequence])
                near = near_misses(vocabulary, fold, token)
                soft[fold, step, sequence, token] = 1 - share if near else 1
                for other, weight in near.items():
                    soft[fold, step, sequence, other] = share * weight
    return soft


@pytest.mark.parametrize("beat", ["input", "target"])
@pytest.mark.parametrize("copying", ["off", "match+bars"])
@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_the_loss_is_the_cross_entropy_with_soft_targets(beat: str, copying: str, backend: BackendName) -> None:
    own_loss = {} if copying == "off" else {"copying_own_loss": 0.7}
    made = task(beat=beat, copying=copying, near_miss=0.3, **own_loss)
    assert not made.encoding.seen.all()
    parameters = list(made.model.parameters())
    arguments = random_batch(made)
    tokens, positions, targets, share, *_ = arguments
    use(backend)
    try:
        loss, nats = made.model.losses(*arguments, NearMisses(made.encoding.vocabulary, "cpu"))
        exact, exact_nats = made.model.losses(*arguments)
        actual = torch.autograd.grad(loss.sum(), parameters, retain_graph=True)
    finally:
        use("reference")
    hidden, _ = made.model.hidden(tokens, positions)
    weight, bias = made.model.head()
    log_p = torch.log_softmax(torch.einsum("gtbh,gvh->gtbv", hidden, weight) + bias[:, None, None], dim=-1)
    of_target = log_p.gather(-1, targets[..., None]).squeeze(-1).masked_fill(share == 0, 0.0)
    soft = soft_targets(made, targets)
    softened = (soft * log_p.masked_fill(soft == 0, 0.0)).sum(-1).masked_fill(share == 0, 0.0)
    own = 1.0 if copying == "off" else 0.7
    extra = ((of_target - softened) * share).sum((1, 2))
    assert float(extra.detach().abs().min()) > 1e-3
    assert_close(loss, exact + own * extra)
    assert torch.equal(nats, exact_nats)
    if copying == "off":
        assert_close(loss, -(softened * share).sum((1, 2)))
    wanted = torch.autograd.grad((exact + own * extra).sum(), parameters)
    for one, other in zip(actual, wanted, strict=True):
        assert_close(one, other)


def test_without_near_misses_the_loss_is_the_exact_one_bit_for_bit() -> None:
    made = task(copying="off")
    tokens, positions, targets, share, *_ = arguments = random_batch(made)
    loss, _ = made.model.losses(*arguments)
    hidden, _ = made.model.hidden(tokens, positions)
    notes = (hidden.flatten(1, 2), *made.model.head(), targets.flatten(1), share.flatten(1))
    assert torch.equal(loss, linear_cross_entropy(*notes)[0])


@pytest.mark.parametrize("copying", ["off", "match+bars"])
def test_training_minimises_the_soft_loss_and_reports_the_exact_one(copying: str) -> None:
    exact, soft = (next(task(copying=copying, near_miss=share).losses(1)) for share in (0.0, 0.3))
    assert torch.equal(exact.total, soft.total)
    assert not torch.isclose(exact.loss, soft.loss, rtol=1e-4).any()
    if copying == "off":
        assert torch.equal(exact.loss * exact.count, exact.total)


def forgiven(near: NearMisses, size: int, token: int) -> list[float]:
    """Return the weight of every near miss of a token, by losses of notes with one positive logit each."""
    logits = torch.eye(size, dtype=torch.float64)[None]  # of one note each: outputs are logits
    nothing, target = torch.zeros(1, size, dtype=torch.float64), torch.full((1, size), token)
    shares = torch.eye(size, dtype=torch.float64)
    penalties = [float(near.penalty(logits, logits, nothing, target, share[None])) for share in shares]
    return [(number == token) - penalty for number, penalty in enumerate(penalties)]


def test_near_misses_are_musical() -> None:
    c, rest = 60, REST_PITCH
    tokens = [(c, 0), (c + 1, 0), (c + 2, 0), (c, 1), (c + 2, 1), (rest, 0), (rest, 1), (c + 7, 0)]
    near = NearMisses(vocabulary_of(tokens, durations=[Fraction(1), Fraction(2)]), "cpu")
    of_c, of_rest, of_g = (forgiven(near, len(tokens), token) for token in (0, 5, 7))
    total = math.exp(-0.5) + 2 * math.exp(-1)
    # A whole tone is as far as twice the duration; two changes, and a fifth, are too far.
    assert of_c == pytest.approx([0, math.exp(-0.5) / total, math.exp(-1) / total, math.exp(-1) / total, 0, 0, 0, 0])
    assert of_rest == pytest.approx([0, 0, 0, 0, 0, 0, 1, 0])
    assert of_g[2] > of_g[1] > of_g[0] == 0


@pytest.mark.parametrize("tokens", [[(60, 0)], [(60, 0), (80, 0)], [(60, 0), (61, 1)], [(REST_PITCH, 0), (60, 0)]])
def test_a_token_without_near_misses_keeps_its_probability(tokens: list[tuple[int, ...]]) -> None:
    near = NearMisses(vocabulary_of(tokens, durations=[Fraction(1), Fraction(2)]), "cpu")
    hidden, weight, bias = (torch.randn(1, *shape) for shape in ((4, 3), (len(tokens), 3), (len(tokens),)))
    weight.requires_grad_()
    target = torch.arange(4)[None] % len(tokens)
    penalty = near.penalty(hidden, weight, bias, target, torch.ones(1, 4))
    (slope,) = torch.autograd.grad(penalty.sum(), [weight])
    assert float(penalty.detach()) == 0.0
    assert not slope.any()


def test_bad_values_get_one_clear_line() -> None:
    with pytest.raises(BadInputError, match=r"near_miss = 1\.5 is not legal: it is a number from 0 to 1"):
        ComposerSpec.from_values({"near_miss": 1.5})
    with pytest.raises(BadInputError, match=r"near_miss = 0\.2 changes nothing here.*needs reading = sounding"):
        ComposerSpec.from_values({"near_miss": 0.2, "reading": "literal"})


def test_settings_stored_before_near_misses_are_read() -> None:
    stored = ComposerSpec().model_dump()
    del stored["near_miss"]
    assert ComposerSpec.from_stored(stored) == ComposerSpec()
