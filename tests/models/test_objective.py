"""The objective as a code: probabilities of all pieces sum to one, whatever the encoding."""

import math
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data_prep.encodings.melody import UNKNOWN, MelodyEncoding, MelodyOptions, Sequences
from data_prep.melodies import NUM_PITCHES, REST, Melodies
from models.composer_spec import ComposerSpec
from models.composer_task import ComposerTask
from models.metrics import CV_LOSS, CV_LOSS_BY_NOTE, NATS_PER_NOTE, NATS_PER_NOTE_BY_NOTE
from models.objective import mixed_costs, piece_costs, score, token_costs
from tests.hand_melodies import Tune, melodies, random_tunes

HALF, ONE = Fraction(1, 2), Fraction(1)
Encodings = tuple[str, bool, str, str, int]
ENCODINGS: list[Encodings] = [
    *product(("off", "input", "target"), (False, True), ("sounding", "literal"), ("training", "corpus"), (0,)),
    ("off", False, "sounding", "training", 3),
    ("target", False, "sounding", "training", 2),
]

every_encoding = pytest.mark.parametrize(("beat", "transpose", "reading", "vocabulary", "augment"), ENCODINGS)


def task(data: Melodies, **settings: object) -> ComposerTask:
    """Make an untrained model in float64, whose distributions are far from even."""
    spec = ComposerSpec.model_validate({"size": 3, "embedding": 2, **settings})
    made = ComposerTask(spec, data, seed=1, trial=0, device="cpu")
    made.model.double()
    for parameter in made.model.parameters():
        parameter.data.mul_(3.0)
    return made


@cache
def enumeration(durations: tuple[Fraction, ...], *, beats: bool) -> Melodies:
    """List every piece of two notes, under every header where the beat is used, after a few pieces to train on."""
    events = list(product([REST, *range(NUM_PITCHES)], durations))
    pickups = [Fraction(0), HALF] if beats else [Fraction(0)]
    known = [
        Tune([(60, durations[0]), (62, durations[-1]), (REST, durations[0])], 1, tonic=7, metre=(1, 4)),
        Tune([(66, durations[0]), (62, durations[0])], 1, tonic=1, metre=(1, 4), pickup=HALF, chords=frozenset({1})),
        Tune([(60, durations[0]), (61, durations[0])], 1, one_key=False, metre=(1, 4)),
    ]
    pieces = [Tune(notes, 0, metre=(1, 4), pickup=pickup) for pickup in pickups for notes in product(events, repeat=2)]
    found = melodies([*known, *pieces])
    assert found.positions == (0, HALF)
    return found


def total(made: ComposerTask, sequences: Sequences) -> float:
    """Sum the probabilities of the listed pieces."""
    log_marginal, _ = made.note_log_probabilities(sequences)
    return float(np.exp(-piece_costs(made.encoding, sequences, log_marginal)[3:]).sum())


@every_encoding
def test_all_pieces_have_probability_one(
    beat: str, transpose: bool, reading: str, vocabulary: str, augment: int
) -> None:
    data = enumeration((HALF,), beats=beat != "off")
    made = task(data, beat=beat, transpose=transpose, reading=reading, vocabulary=vocabulary, augment=augment)
    encoding = made.encoding
    frames = [encoding.at_shift(shift) for shift in encoding.shifts] if transpose else [encoding.sequences]
    assert sum(total(made, frame) for frame in frames) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("beat", ["off", "input", "target"])
def test_all_pieces_in_two_durations_have_probability_one(beat: str) -> None:
    made = task(enumeration((HALF, ONE), beats=False), beat=beat)
    header = float(np.exp(-made.encoding.sequences.header_cost[3]))
    assert total(made, made.encoding.sequences) == pytest.approx(header, abs=1e-9)


@every_encoding
def test_every_note_is_scored_as_the_formula_reads(
    beat: str, transpose: bool, reading: str, vocabulary: str, augment: int
) -> None:
    data = melodies(random_tunes(9, 3), num_folds=3)
    made = task(data, beat=beat, transpose=transpose, reading=reading, vocabulary=vocabulary, augment=augment)
    encoding = made.encoding
    log_marginal, log_joint = made.note_log_probabilities(encoding.sequences)
    naive = [naive_piece(made, piece) for piece in range(data.num_pieces)]
    cost = piece_costs(encoding, encoding.sequences, log_marginal)
    np.testing.assert_allclose(cost, [nats for nats, _ in naive])
    np.testing.assert_allclose(token_costs(encoding, log_joint), [note for _, notes in naive for note in notes])
    check_averages(encoding, cost, token_costs(encoding, log_joint), log_marginal, log_joint)


def naive_piece(made: ComposerTask, piece: int) -> tuple[float, list[float]]:
    """Score a piece note by note: its nats, and each kept note's nats as a token."""
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
        p = torch.softmax(hidden[fold, :, 0] @ weight[fold].T + bias[fold], dim=1).numpy()
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
        nats -= math.log((1 - eps) * carried + eps * p0[event])
        own = p[kept, sequences.token[start + kept]]
        spelled = encoding.keys // encoding.num_durations // encoding.num_positions
        spellings = set(spelled[encoding.token_pitch == pitch])
        variants = len(spellings) * (encoding.num_positions if encoding.options.beat == "target" else 1)
        corpus = encoding.options.vocabulary == "corpus"
        notes.append(-math.log(own if corpus else (1 - eps) * own + eps * p0[event] / variants))
        kept += 1
    return nats, notes


def check_averages(
    encoding: MelodyEncoding,
    cost: NDArray[np.float64],
    token_cost: NDArray[np.float64],
    log_marginal: NDArray[np.float64],
    log_joint: NDArray[np.float64],
) -> None:
    data, start = encoding.melodies, encoding.sequences.start
    found = score(encoding, log_marginal, log_joint)
    for fold in range(data.num_folds):
        pieces = np.flatnonzero(data.fold == fold)
        sizes = np.diff(data.start)[pieces]
        assert found[NATS_PER_NOTE.name].values[fold] == pytest.approx(np.mean(cost[pieces] / sizes))
        assert found[NATS_PER_NOTE_BY_NOTE.name].values[fold] == pytest.approx(cost[pieces].sum() / sizes.sum())
        later = [token_cost[start[piece] + 1 : start[piece + 1]] for piece in pieces if encoding.trainable[piece]]
        later = [notes for notes in later if len(notes)]
        assert found[CV_LOSS.name].values[fold] == pytest.approx(np.mean([notes.mean() for notes in later]))
        assert found[CV_LOSS_BY_NOTE.name].values[fold] == pytest.approx(np.concatenate(later).mean())


@every_encoding
def test_the_marginal_costs_no_more_than_the_joint(
    beat: str, transpose: bool, reading: str, vocabulary: str, augment: int
) -> None:
    data = melodies(random_tunes(9, 3), num_folds=3)
    made = task(data, beat=beat, transpose=transpose, reading=reading, vocabulary=vocabulary, augment=augment)
    log_marginal, log_joint = made.note_log_probabilities(made.encoding.sequences)
    assert (log_marginal >= log_joint - 1e-12).all()
    marginal = piece_costs(made.encoding, made.encoding.sequences, log_marginal)
    assert (marginal <= piece_costs(made.encoding, made.encoding.sequences, log_joint) + 1e-12).all()


@pytest.mark.parametrize("beat", ["off", "target"])
@pytest.mark.parametrize("reading", ["sounding", "literal"])
def test_mixing_over_frames_costs_no_more_than_paying_for_one(beat: str, reading: str) -> None:
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


def test_a_perfect_model_pays_the_floor_and_the_header_alone() -> None:
    data = melodies([Tune([(60, ONE)] * 4, 0), Tune([(60, ONE)] * 4, 1)])
    encoding = MelodyEncoding(data, MelodyOptions(transpose=True))
    sure = np.zeros(8)
    eps, p0 = encoding.eps[0], np.exp(encoding.log_p0[0, encoding.sequences.event[0]])
    expected = -math.log(2 / 13) - 4 * math.log(1 - eps + eps * p0)
    np.testing.assert_allclose(piece_costs(encoding, encoding.sequences, sure), expected)
