"""Simple models for comparison with trials, on the same folds and the same objective.

All are distributions over the grid of (pitch, duration) events in the original key and positive everywhere, so they
need no floor and no header. They are fitted to the training folds of the fold on which they are scored.

Symbols: N notes, P pieces, E events of the grid, C classes of match length.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies.arrays import Melodies
from data_prep.melodies.events import base_distribution, melody_events, num_events, unseen_share
from data_prep.melodies.repetition import Precedents, find_precedents
from data_prep.progress import Progress, Silent
from models.composer import kneser_ney
from models.family import SCORING, Baseline
from models.metrics import FoldValues

Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Learner: TypeAlias = Callable[[Mask, Mask], Floats]
"""Maps the pieces to learn from and those to score, [P] each, to the scored notes' probabilities, in note order."""

LEAST_LENGTHS = np.array([1, 2, 3, 4, 8])
"""Lower bounds of the classes of match length after class 0: 0, 1, 2, 3, 4-7, 8 and more."""


@dataclass(frozen=True)
class MelodyNotes:
    """The melodies as events, with n-grams and precedents of each note.

    Attributes:
        events: [N] event ids.
        num_durations: D; the grid has 129 * D events.
        grams: N-grams of order 1 to 3.
        precedents: Earlier matches of every note in its piece.
        piece: [N] the piece of each note.
        fold: [P] the fold that holds the piece out.
        num_folds: G.
    """

    events: NDArray[np.int64]
    num_durations: int
    grams: kneser_ney.Grams
    precedents: Precedents
    piece: NDArray[np.int64]
    fold: NDArray[np.int8]
    num_folds: int

    @classmethod
    def read(cls, melodies: Melodies) -> "MelodyNotes":
        """Return the notes of melodies."""
        events = melody_events(melodies)
        num_durations = len(melodies.durations)
        return cls(
            events=events,
            num_durations=num_durations,
            grams=kneser_ney.grams_of(events, melodies.start, num_events(num_durations), 3),
            precedents=find_precedents(events, melodies.start),
            piece=melodies.piece_of_note,
            fold=melodies.fold,
            num_folds=melodies.num_folds,
        )


def melody_baselines(melodies: Melodies, progress: Progress | None = None) -> tuple[Baseline, ...]:
    """Score uniform, unigram, Kneser-Ney bigram and trigram, and the copying trigram, from the weakest.

    Args:
        melodies: The pieces with their folds.
        progress: Advances with each fold of each baseline.

    Returns:
        The baselines with their nats per note on each fold: mean over a piece's notes, then over the fold's pieces.
    """
    notes = MelodyNotes.read(melodies)
    learners: dict[str, Learner] = {
        "uniform": lambda _, scored: uniform(notes, scored),
        "unigram": lambda learnt, scored: unigram(notes, learnt, scored),
        "Kneser-Ney bigram": lambda learnt, scored: ngram(notes, learnt, scored, order=2),
        "Kneser-Ney trigram": lambda learnt, scored: ngram(notes, learnt, scored, order=3),
        "Kneser-Ney trigram + copy": lambda learnt, scored: copying_trigram(notes, learnt, scored),
    }
    progress = progress or Silent()
    progress.start(len(learners) * notes.num_folds, SCORING)
    scores = {name: cross_validate(notes, learner, progress) for name, learner in learners.items()}
    progress.finish()
    return tuple(
        Baseline(name, fold_means(notes, pieces), pieces=tuple(pieces.tolist())) for name, pieces in scores.items()
    )


def uniform(notes: MelodyNotes, scored: Mask) -> Floats:
    """Assign every event of the grid the same probability."""
    return np.full(np.count_nonzero(scored[notes.piece]), 1 / num_events(notes.num_durations))


def unigram(notes: MelodyNotes, learnt: Mask, scored: Mask) -> Floats:
    """Predict by frequencies of events, mixed with the base distribution by the share of unseen events."""
    counts = _counts(notes, learnt)
    eps = unseen_share(np.array(np.count_nonzero(counts == 1)), np.array(counts.sum()))
    mixed = (1 - eps) * counts / counts.sum() + eps * base_distribution(counts, notes.num_durations)
    return mixed[notes.events[scored[notes.piece]]]


def ngram(notes: MelodyNotes, learnt: Mask, scored: Mask, *, order: int) -> Floats:
    """Predict by Kneser-Ney n-grams that back off to the base distribution.

    Args:
        notes: All pieces.
        learnt: [P] the pieces to learn from.
        scored: [P] the pieces to score.
        order: 1 to 3.

    Returns:
        The scored notes' probabilities.
    """
    here, there = learnt[notes.piece], scored[notes.piece]
    lowest = base_distribution(_counts(notes, learnt), notes.num_durations)
    model = kneser_ney.fit([gram[here] for gram in notes.grams[:order]], lowest)
    return model.probability([gram[there] for gram in notes.grams[:order]])


def copying_trigram(notes: MelodyNotes, learnt: Mask, scored: Mask) -> Floats:
    """Mix the trigram with the continuation of the longest match in the piece's own past.

    There is one weight per class of match length. Weights are fitted by cross-validation: each part of the training
    pieces is scored by a trigram of the other parts. Parts are the folds, as these keep near-duplicates together, or
    halves if only one fold is used for training.

    Args:
        notes: All pieces.
        learnt: [P] the pieces to learn from.
        scored: [P] the pieces to score.

    Returns:
        The scored notes' probabilities.
    """
    part = notes.fold if notes.num_folds > 2 else np.arange(len(notes.fold)) % 2  # noqa: PLR2004  (one fold learnt)
    weights = copy_weights(notes, learnt, part)
    there = scored[notes.piece]
    weight = weights[match_class(notes.precedents.length[there])]
    return (1 - weight) * ngram(notes, learnt, scored, order=3) + weight * notes.precedents.share[there]


def match_class(length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the classes 0..C-1 of match lengths; first notes (length -1) have class C, which copies nothing."""
    return np.where(length < 0, len(LEAST_LENGTHS) + 1, np.searchsorted(LEAST_LENGTHS, length, side="right"))


def copy_weights(notes: MelodyNotes, learnt: Mask, part: NDArray[np.int8] | NDArray[np.int64]) -> Floats:
    """Fit the weight of copying for each class by expectation maximisation.

    Each weight starts at 1/2, with one success and one failure added to the counts, so that it stays inside 0..1. The
    likelihood is concave in the weight, and 50 steps reach its maximum.

    Args:
        notes: All pieces.
        learnt: [P] the pieces to learn from.
        part: [P] the part of each piece.

    Returns:
        [C + 1] the weights; the last, for first notes, is 0.
    """
    num_classes = len(LEAST_LENGTHS) + 1
    chance, share, length_class = np.zeros(0), np.zeros(0), np.zeros(0, np.int64)
    for held_out in np.unique(part[learnt]):
        scored = learnt & (part == held_out)
        there = scored[notes.piece]
        chance = np.append(chance, ngram(notes, learnt & ~scored, scored, order=3))
        share = np.append(share, notes.precedents.share[there])
        length_class = np.append(length_class, match_class(notes.precedents.length[there]))
    counts = np.bincount(length_class, minlength=num_classes + 1)
    weights = np.append(np.full(num_classes, 0.5), 0)
    for _ in range(50):
        copied = weights[length_class] * share
        responsibility = copied / (copied + (1 - weights[length_class]) * chance)
        weights = (np.bincount(length_class, responsibility, num_classes + 1) + 1) / (counts + 2)
        weights[-1] = 0
    return weights


def _counts(notes: MelodyNotes, learnt: Mask) -> NDArray[np.int64]:
    """Return [E] the count of each event in the pieces to learn from."""
    return np.bincount(notes.events[learnt[notes.piece]], minlength=num_events(notes.num_durations))


def cross_validate(notes: MelodyNotes, learner: Learner, progress: Progress) -> Floats:
    """Score each fold's pieces by a model that is fitted to the other folds.

    Args:
        notes: All pieces.
        learner: Fits the model and returns its probabilities.
        progress: Advances with each fold.

    Returns:
        [P] nats per note, the mean over a piece's notes; NaN for a piece that no fold holds out.
    """
    scores = np.full(len(notes.fold), np.nan)
    for fold in range(notes.num_folds):
        scored = notes.fold == fold
        pieces = notes.piece[scored[notes.piece]]
        nats = np.bincount(pieces, -np.log(learner(~scored, scored)), len(scored))
        num_notes = np.bincount(pieces, minlength=len(scored))
        scores[scored] = (nats / np.maximum(num_notes, 1))[scored]
        progress.advance(1)
    return scores


def fold_means(notes: MelodyNotes, pieces: Floats) -> FoldValues:
    """Return the means of the pieces' nats per note, [P], over each fold."""
    return FoldValues(tuple(float(pieces[notes.fold == fold].mean()) for fold in range(notes.num_folds)))
