"""The objective: for every encoding the probabilities of all pieces sum to one, and costs equal a naive loop's."""

import math
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data_prep.encodings.tokens import UNKNOWN, MelodyEncoding, MelodyOptions, Sequences
from data_prep.melodies.arrays import Melodies
from data_prep.pitches import NUM_PITCHES, REST
from models.composer.copy_gate import NUM_EXPERTS, gate_features
from models.composer.objective import mixed_costs, piece_costs, score, token_costs
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.metrics import CV_LOSS, CV_LOSS_BY_NOTE, NATS_PER_NOTE, NATS_PER_NOTE_BY_NOTE
from tests.hand_melodies import Tune, melodies, random_tunes

HALF, ONE = Fraction(1, 2), Fraction(1)
NAMES = ("beat", "transpose", "reading", "vocabulary", "augment", "copying", "factorisation")
BEATS, BOTH = ("off", "input", "target"), (False, True)
JOINT = ("joint",)
ENCODINGS: list[tuple[str, bool, str, str, int, str, str]] = [
    *product(BEATS, BOTH, ("sounding",), ("training", "corpus"), (0,), ("off",), JOINT),
    *product(BEATS, BOTH, ("literal",), ("training", "corpus"), (0,), ("match+bars",), JOINT),  # it has no copies
    *product(BEATS, BOTH, ("sounding",), ("training",), (0,), ("match", "match+bars"), JOINT),
    *product(("off",), (False,), ("sounding",), ("training",), (3,), ("off", "match+bars"), JOINT),
    *product(("target",), (False,), ("sounding",), ("training",), (2,), ("off", "match+bars"), JOINT),
    ("off", False, "sounding", "training", 0, "match", "rhythm_first"),
    ("input", False, "literal", "training", 0, "off", "rhythm_first"),
    ("target", False, "sounding", "training", 2, "match+bars", "rhythm_first"),
]

every_encoding = pytest.mark.parametrize(
    "settings", [dict(zip(NAMES, encoding, strict=True)) for encoding in ENCODINGS], ids=str
)


def task(data: Melodies, **settings: object) -> ComposerTask:
    """Return the task of an untrained model in float64 whose distributions are far from uniform."""
    spec = ComposerSpec.model_validate({"size": 3, "embedding": 2, "copying_units": 4, **settings})
    made = ComposerTask(spec, data, seed=1, trial=0, device="cpu")
    made.model.double()
    for parameter in made.model.parameters():
        parameter.data.mul_(3.0)
    return made


@cache
def enumeration(durations: tuple[Fraction, ...], *, beats: bool) -> Melodies:
    """Return a few training pieces and all pieces of two notes, with ``beats`` under all headers."""
    events = list(product([REST, *range(NUM_PITCHES)], durations))
    pickups = [Fraction(0), HALF] if beats else [Fraction(0)]
    known = [
        Tune([(60, durations[0]), (62, durations[-1]), (REST, durations[0])], 1, tonic=7, metre=(1, 4)),
        Tune([(66, durations[0]), (62, durations[0])], 1, tonic=1, metre=(1, 4), pickup=HALF, chords=frozenset({1})),
        Tune([(60, durations[0]), (61, durations[0])], 1, one_key=False, metre=(1, 4)),
    ]
    pieces = [Tune(notes, 0, metre=(1, 4), pickup=pickup) for pickup in pickups for notes in product(events, repeat=2)]
    actual = melodies([*known, *pieces])
    assert actual.positions == (0, HALF)
    return actual


def total(made: ComposerTask, sequences: Sequences) -> float:
    """Return the sum of the probabilities of the enumerated pieces."""
    log_marginal, _ = made.note_log_probabilities(sequences)
    return float(np.exp(-piece_costs(made.encoding, sequences, log_marginal)[3:]).sum())


@pytest.mark.slow
@every_encoding
def test_probabilities_of_all_pieces_sum_to_one(
    settings: dict[str, Any],
) -> None:
    reads_bars = settings["beat"] != "off" or (
        settings["copying"] == "match+bars" and settings["reading"] == "sounding"
    )
    data = enumeration((HALF,), beats=reads_bars)
    made = task(data, **settings)
    encoding = made.encoding
    frames = [encoding.at_shift(shift) for shift in encoding.shifts] if settings["transpose"] else [encoding.sequences]
    assert sum(total(made, frame) for frame in frames) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("beat", "factorisation"), [*product(BEATS, ["joint"]), ("target", "rhythm_first")], ids=str)
def test_probabilities_of_all_pieces_in_two_durations_sum_to_one(beat: str, factorisation: str) -> None:
    made = task(enumeration((HALF, ONE), beats=False), beat=beat, copying="off", factorisation=factorisation)
    header = float(np.exp(-made.encoding.sequences.header_cost[3]))
    assert total(made, made.encoding.sequences) == pytest.approx(header, abs=1e-9)


@pytest.mark.parametrize(
    "settings",
    [dict(zip(NAMES, encoding, strict=True)) for encoding in ENCODINGS if encoding[2] == "sounding"],
    ids=str,
)
def test_probabilities_of_the_next_event_sum_to_one(settings: dict[str, Any]) -> None:
    """Use long pasts in which every expert has votes: bars of two notes, some repeated, one of them transposed."""
    past = [(60, HALF), (62, HALF)] * 2 + [(64, HALF), (REST, HALF), (66, HALF), (62, ONE), (60, HALF), (62, HALF)]
    events = list(product([REST, *range(NUM_PITCHES)], (HALF, ONE)))
    known = [Tune([*past[:5], (61, ONE)], 1, tonic=7, metre=(1, 4)), Tune(past[3:], 1, metre=(1, 4))]
    for size in (1, 4, 10):
        tunes = [Tune([*past[:size], *more], 0, metre=(1, 4)) for more in ([], *([event] for event in events))]
        made = task(melodies([*known, *tunes]), **settings)
        log_marginal, _ = made.note_log_probabilities(made.encoding.sequences)
        nats = piece_costs(made.encoding, made.encoding.sequences, log_marginal)[2:]
        assert np.exp(nats[0] - nats[1:]).sum() == pytest.approx(1.0, abs=1e-9)
        present = made.encoding.melodies.votes["length"][made.encoding.melodies.start[3] + size] >= 0
        assert present.sum() >= min(size, 4)


@every_encoding
def test_costs_equal_the_formula_note_by_note(
    settings: dict[str, Any],
) -> None:
    data = melodies(random_tunes(9, 3), num_folds=3)
    made = task(data, **settings)
    encoding = made.encoding
    log_marginal, log_joint = made.note_log_probabilities(encoding.sequences)
    naive = [naive_piece(made, piece) for piece in range(data.num_pieces)]
    cost = piece_costs(encoding, encoding.sequences, log_marginal)
    np.testing.assert_allclose(cost, [nats for nats, _ in naive])
    np.testing.assert_allclose(token_costs(encoding, log_joint), [note for _, notes in naive for note in notes])
    check_averages(encoding, cost, token_costs(encoding, log_joint), log_marginal, log_joint)


def naive_piece(made: ComposerTask, piece: int) -> tuple[float, list[float]]:
    """Return the cost of a piece, and the cost of each kept note as a token, computed note by note (nats)."""
    encoding, data = made.encoding, made.encoding.melodies
    sequences, fold = encoding.sequences, int(data.fold[piece])
    start, end = sequences.start[piece : piece + 2]
    tokens = [made.model.begin, *sequences.token[start:end].tolist()][: end - start]
    positions = sequences.position[start:end].tolist()
    rows = [at if encoding.seen_position[fold, at] else encoding.num_positions for at in positions]
    inputs, beats = torch.zeros(2, encoding.num_folds, end - start, 1, dtype=torch.int64)
    inputs[fold, :, 0], beats[fold, :, 0] = torch.tensor(tokens), torch.tensor(rows)
    with torch.no_grad():
        hidden, _ = made.model.hidden(inputs, beats)
        weight, bias = made.model.head()
        logits = hidden[fold, :, 0] @ weight[fold].T + bias[fold]
        p = torch.softmax(logits, dim=1).numpy()
        if made.model.rhythm is not None:
            p = naive_rhythm_first(made, fold, hidden[fold, :, 0], logits)
        gates, hits = naive_experts(made, fold, piece, hidden[fold, :, 0])
    eps, p0 = float(encoding.eps[fold]), np.exp(encoding.log_p0[fold])
    shift, notes, kept = int(sequences.shift[piece]), list[float](), 0
    nats = float(sequences.header_cost[piece])
    for note in range(data.start[piece], data.start[piece + 1]):
        pitch = 128 if data.pitch[note] == REST else (data.pitch[note] + shift) % 128
        event = pitch * encoding.num_durations + data.duration[note]
        if encoding.options.reading == "literal" and (data.pitch[note] == REST or data.in_chord[note]):
            nats -= math.log(eps * p0[event])
            continue
        carried = sum(p[kept, token] for token in range(encoding.num_tokens) if encoding.token_event[token] == event)
        copied = float(gates[kept, 1:] @ hits[kept])
        nats -= math.log((1 - eps) * (gates[kept, 0] * carried + copied) + eps * p0[event])
        own = gates[kept, 0] * p[kept, sequences.token[start + kept]] + copied
        spelled = encoding.keys // encoding.num_durations // encoding.num_positions
        spellings = set(spelled[encoding.token_pitch == pitch])
        variants = len(spellings) * (encoding.num_positions if encoding.options.beat == "target" else 1)
        corpus = encoding.options.vocabulary == "corpus"
        notes.append(-math.log(own if corpus else (1 - eps) * own + eps * p0[event] / variants))
        kept += 1
    return nats, notes


def naive_rhythm_first(
    made: ComposerTask, fold: int, hidden: torch.Tensor, logits: torch.Tensor
) -> NDArray[np.float64]:
    """Return the probabilities [n, V] of tokens: that of the duration and bar position, then that of the pitch."""
    rhythm, encoding = made.model.rhythm, made.encoding
    assert rhythm is not None
    weight, bias = rhythm.head()
    of_rhythms = torch.softmax(hidden @ weight[fold].T + bias[fold], dim=1).numpy()
    pairs = list(zip(encoding.token_duration.tolist(), encoding.token_position.tolist(), strict=True))
    p = np.zeros(logits.shape)
    for number, pair in enumerate(sorted(set(pairs))):
        tokens = [token for token, other in enumerate(pairs) if other == pair and encoding.seen[fold, token]]
        if tokens:
            p[:, tokens] = of_rhythms[:, [number]] * torch.softmax(logits[:, tokens], dim=1).numpy()
    return p


def naive_experts(
    made: ComposerTask, fold: int, piece: int, hidden: torch.Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the gates [n, 1 + J] and the experts' probabilities of the notes [n, J], computed note by note."""
    data, gate = made.encoding.melodies, made.model.gate
    if gate is None:
        return np.ones((len(hidden), 1)), np.zeros((len(hidden), 0))
    gates: list[NDArray[np.float64]] = []
    hits: list[NDArray[np.float64]] = []
    for number, note in enumerate(range(data.start[piece], data.start[piece + 1])):
        votes = data.votes[note, : NUM_EXPERTS[made.spec.copies]]
        features = gate_features(votes, data.bar[note], np.array(number)).astype(np.float64)
        units = np.tanh(
            gate.hidden[fold].detach().numpy() @ np.concatenate([hidden[number].numpy(), features])
            + gate.hidden_bias[fold].detach().numpy()
        )
        scores = gate.output[fold].detach().numpy() @ units + gate.output_bias[fold].detach().numpy()
        weights = np.exp(scores) * np.append(1, votes["length"] >= 0)
        gates.append(weights / weights.sum())
        hits.append(np.array([vote["hits"] / max(vote["votes"], 1) for vote in votes]))
    return np.stack(gates), np.stack(hits)


def check_averages(
    encoding: MelodyEncoding,
    cost: NDArray[np.float64],
    token_cost: NDArray[np.float64],
    log_marginal: NDArray[np.float64],
    log_joint: NDArray[np.float64],
) -> None:
    data, start = encoding.melodies, encoding.sequences.start
    actual = score(encoding, log_marginal, log_joint, range(encoding.num_folds))
    for fold in range(data.num_folds):
        pieces = np.flatnonzero(data.fold == fold)
        sizes = np.diff(data.start)[pieces]
        assert actual[NATS_PER_NOTE.name].values[fold] == pytest.approx(np.mean(cost[pieces] / sizes))
        assert actual[NATS_PER_NOTE_BY_NOTE.name].values[fold] == pytest.approx(cost[pieces].sum() / sizes.sum())
        later = [token_cost[start[piece] + 1 : start[piece + 1]] for piece in pieces if encoding.trainable[piece]]
        later = [notes for notes in later if len(notes)]
        assert actual[CV_LOSS.name].values[fold] == pytest.approx(np.mean([notes.mean() for notes in later]))
        assert actual[CV_LOSS_BY_NOTE.name].values[fold] == pytest.approx(np.concatenate(later).mean())


@every_encoding
def test_the_marginal_costs_at_most_the_joint(
    settings: dict[str, Any],
) -> None:
    data = melodies(random_tunes(9, 3), num_folds=3)
    made = task(data, **settings)
    log_marginal, log_joint = made.note_log_probabilities(made.encoding.sequences)
    assert (log_marginal >= log_joint - 1e-12).all()
    marginal = piece_costs(made.encoding, made.encoding.sequences, log_marginal)
    assert (marginal <= piece_costs(made.encoding, made.encoding.sequences, log_joint) + 1e-12).all()


@pytest.mark.parametrize("beat", ["off", "target"])
@pytest.mark.parametrize("reading", ["sounding", "literal"])
def test_mixing_over_frames_costs_at_most_the_own_frame(beat: str, reading: str) -> None:
    made = task(melodies(random_tunes(9, 3), num_folds=3), beat=beat, reading=reading, transpose=True)
    encoding = made.encoding
    frames = [encoding.at_shift(shift) for shift in encoding.shifts]
    assert any((frame.token == UNKNOWN).any() for frame in frames)
    costs = [piece_costs(encoding, frame, made.note_log_probabilities(frame)[0]) for frame in frames]
    paid = piece_costs(encoding, encoding.sequences, made.note_log_probabilities(encoding.sequences)[0])
    mixed = mixed_costs(costs)
    assert (mixed <= paid).all()
    for piece, shift in enumerate(encoding.sequences.shift):
        assert costs[shift - encoding.shifts.start][piece] == pytest.approx(paid[piece])
    np.testing.assert_allclose(mixed, -np.log(np.exp(-np.stack(costs)).sum(axis=0)))


def test_a_perfect_model_pays_only_the_floor_and_the_header() -> None:
    data = melodies([Tune([(60, ONE)] * 4, 0), Tune([(60, ONE)] * 4, 1)])
    encoding = MelodyEncoding(data, MelodyOptions(transpose=True))
    sure = np.zeros(8)
    eps, p0 = encoding.eps[0], np.exp(encoding.log_p0[0, encoding.sequences.event[0]])
    expected = -math.log(2 / 13) - 4 * math.log(1 - eps + eps * p0)
    np.testing.assert_allclose(piece_costs(encoding, encoding.sequences, sure), expected)
