"""Baselines are proper distributions, use only training folds, and are averaged like the objective."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data_prep.melodies.events import num_events
from data_prep.pitches import REST
from models.composer import baselines
from models.composer.baselines import Mask, MelodyNotes
from tests.models.toy_melodies import Piece, melodies_of, random_pieces

LEARNERS: dict[str, Callable[[MelodyNotes, Mask, Mask], NDArray[np.float64]]] = {
    "uniform": lambda notes, _, scored: baselines.uniform(notes, scored),
    "unigram": baselines.unigram,
    "bigram": lambda notes, learnt, scored: baselines.ngram(notes, learnt, scored, order=2),
    "trigram": lambda notes, learnt, scored: baselines.ngram(notes, learnt, scored, order=3),
    "copying trigram": baselines.copying_trigram,
}


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("past", [[], [(60, 0)], [(60, 0), (62, 1), (60, 0)], [(3, 1)] * 4, [(REST, 0), (60, 1)] * 5])
def test_every_past_has_a_proper_positive_distribution(name: str, past: Piece) -> None:
    every_event = [(pitch, duration) for pitch in [*range(128), REST] for duration in range(2)]
    learnt = random_pieces(20)
    pieces = [*learnt, *([*past, event] for event in every_event)]
    fold = [1 + n % 3 for n in range(len(learnt))] + [0] * len(every_event)
    notes = MelodyNotes.read(melodies_of(pieces, fold))
    held_out = notes.fold == 0
    chances = LEARNERS[name](notes, ~held_out, held_out).reshape(len(every_event), len(past) + 1)[:, -1]
    assert len(chances) == num_events(2)
    assert chances.min() > 0
    assert chances.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_pieces_score_does_not_depend_on_other_held_out_pieces(name: str) -> None:
    pieces = random_pieces(24)
    fold = [n % 4 for n in range(len(pieces))]
    other = [[(1, 1)] * 7 if n in {4, 8} else piece for n, piece in enumerate(pieces)]
    first, second = (MelodyNotes.read(melodies_of(these, fold)) for these in (pieces, other))
    held_out = first.fold == 0
    before, after = (LEARNERS[name](notes, ~held_out, held_out)[: len(pieces[0])] for notes in (first, second))
    np.testing.assert_array_equal(before, after)


def test_copying_mixes_trigram_and_precedents_by_class() -> None:
    pieces = random_pieces(24)
    notes = MelodyNotes.read(melodies_of(pieces, [n % 4 for n in range(len(pieces))]))
    held_out = notes.fold == 2
    weights = baselines.copy_weights(notes, ~held_out, notes.fold)
    trigram = baselines.ngram(notes, ~held_out, held_out, order=3)
    rows = np.flatnonzero(held_out[notes.piece])
    expected: list[float] = []
    for row, p in zip(rows, trigram, strict=True):
        length = notes.precedents.length[row]
        weight = 0 if length < 0 else weights[[0, 1, 2, 3, 4, 4, 4, 4, 5][min(length, 8)]]
        expected.append((1 - weight) * p + weight * notes.precedents.share[row])
    np.testing.assert_allclose(baselines.copying_trigram(notes, ~held_out, held_out), expected, rtol=1e-12)


def test_copy_weights_maximise_the_likelihood_of_held_out_pieces() -> None:
    pieces = random_pieces(40)
    notes = MelodyNotes.read(melodies_of(pieces, [n % 4 for n in range(len(pieces))]))
    learnt = notes.fold != 3
    weights = baselines.copy_weights(notes, learnt, notes.fold)
    kind = baselines.match_class(notes.precedents.length)
    for number in np.unique(kind[kind < 6]):
        mass: list[tuple[float, float]] = []
        for inner in range(3):
            scored = learnt & (notes.fold == inner)
            chance = baselines.ngram(notes, learnt & ~scored, scored, order=3)
            rows = scored[notes.piece]
            mass += zip(chance[kind[rows] == number], notes.precedents.share[rows][kind[rows] == number], strict=True)
        grid = np.linspace(0.0005, 0.9995, 1000)
        likelihood = sum(np.log((1 - grid) * p + grid * q) for p, q in mass) + np.log(grid) + np.log(1 - grid)
        assert weights[number] == pytest.approx(grid[np.argmax(likelihood)], abs=0.002)


@pytest.mark.parametrize("num_folds", [2, 4])
def test_scores_average_notes_then_pieces(num_folds: int) -> None:
    pieces = random_pieces(30)
    melodies = melodies_of(pieces, [n % num_folds for n in range(len(pieces))], num_folds)
    notes = MelodyNotes.read(melodies)
    actual = baselines.melody_baselines(melodies)
    assert [baseline.name for baseline in actual] == [
        "uniform",
        "unigram",
        "Kneser-Ney bigram",
        "Kneser-Ney trigram",
        "Kneser-Ney trigram + copy",
    ]
    for baseline, learner in zip(actual, LEARNERS.values(), strict=True):
        for fold in range(num_folds):
            held_out = melodies.fold == fold
            nats = iter(-np.log(learner(notes, ~held_out, held_out)))
            means = [np.mean([next(nats) for _ in piece]) for n, piece in enumerate(pieces) if n % num_folds == fold]
            assert baseline.score.values[fold] == pytest.approx(np.mean(means))
    assert actual[0].score.values == pytest.approx([np.log(258)] * num_folds)
    assert actual[-1].score.mean < actual[-2].score.mean  # every phrase is played twice


def test_the_unigram_is_the_frequency_mixed_with_the_floor() -> None:
    pieces: list[Piece] = [[(60, 0), (60, 0), (62, 1)], [(60, 0), (5, 1)]]
    notes = MelodyNotes.read(melodies_of(pieces, [1, 0], 2))
    chances = baselines.unigram(notes, notes.fold == 1, notes.fold == 0)
    pitch_60, pitch_5 = 3 / (3 + 129), 1 / (3 + 129)
    duration_0, duration_1 = 3 / (3 + 2), 2 / (3 + 2)
    eps = 1 / 3
    expected = [(1 - eps) * 2 / 3 + eps * pitch_60 * duration_0, eps * pitch_5 * duration_1]
    assert chances == pytest.approx(expected)
