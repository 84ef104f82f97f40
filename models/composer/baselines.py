"""Simple models that every report shows beside a trial's, on the same folds and the same objective.

All are distributions over the grid of (pitch, duration) events in the original key, positive everywhere by
themselves, so they are scored as they are and pay no header. What they learn, they learn from the training folds of
the fold they are scored on.

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
"""From the pieces to learn from and those to score, [P] each, to the scored notes' probabilities, in note order."""

LEAST_LENGTHS = np.array([1, 2, 3, 4, 8])
"""Where the classes of match length begin after class 0: 0, 1, 2, 3, 4-7, 8 and more."""


@dataclass(frozen=True)
class Notes:
    """What the baselines read: the melodies as events, with the grams and precedents of each.

    Attributes:
        events: [N] event ids.
        num_durations: D; the grid has 129 * D events.
        grams: Those of order 1 to 3.
        precedents: Of every note in its own piece.
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
    def read(cls, melodies: Melodies) -> "Notes":
        """Number the events and find what comes before each."""
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
    """Score uniform, unigram, Kneser-Ney bigram and trigram, and the trigram that copies, weakest first.

    Args:
        melodies: The pieces with their folds.
        progress: Advances with each fold of each.

    Returns:
        The baselines with their nats per note on each fold: mean over a piece's notes, then over the fold's pieces.
    """
    notes = Notes.read(melodies)
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


def uniform(notes: Notes, scored: Mask) -> Floats:
    """Return every event of the grid the same probability."""
    return np.full(np.count_nonzero(scored[notes.piece]), 1 / num_events(notes.num_durations))


def unigram(notes: Notes, learnt: Mask, scored: Mask) -> Floats:
    """Return events their frequency, mixed with the base distribution by the share of unseen events."""
    counts = _counts(notes, learnt)
    eps = unseen_share(np.array(np.count_nonzero(counts == 1)), np.array(counts.sum()))
    mixed = (1 - eps) * counts / counts.sum() + eps * base_distribution(counts, notes.num_durations)
    return mixed[notes.events[scored[notes.piece]]]


def ngram(notes: Notes, learnt: Mask, scored: Mask, *, order: int) -> Floats:
    """Predict by Kneser-Ney n-grams down to the base distribution.

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


def copying_trigram(notes: Notes, learnt: Mask, scored: Mask) -> Floats:
    """Mix the trigram with what followed the longest repetition in the piece's own past.

    The weights, one a class of match length, come from pieces that their trigram has not learnt from: each part of
    the learnt pieces is scored by a trigram of the other parts. Parts are the folds, whose near-duplicates
    stay together, or halves where only one fold is learnt from.

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
    """Sort match lengths into the classes 0..C-1; a first note (length -1) is of class C, which copies nothing."""
    return np.where(length < 0, len(LEAST_LENGTHS) + 1, np.searchsorted(LEAST_LENGTHS, length, side="right"))


def copy_weights(notes: Notes, learnt: Mask, part: NDArray[np.int8] | NDArray[np.int64]) -> Floats:
    """Find the weight of copying for each class by expectation maximisation.

    Each weight starts at 1/2 and has one success and one failure added to what is seen, so that it stays inside
    0..1; the likelihood is concave in it, and 50 steps find the summit.

    Args:
        notes: All pieces.
        learnt: [P] the pieces to learn from.
        part: [P] the part of each piece.

    Returns:
        [C + 1] the weights; the last, for first notes, is 0.
    """
    num_classes = len(LEAST_LENGTHS) + 1
    chance, share, kind = np.zeros(0), np.zeros(0), np.zeros(0, np.int64)
    for held_out in np.unique(part[learnt]):
        scored = learnt & (part == held_out)
        there = scored[notes.piece]
        chance = np.append(chance, ngram(notes, learnt & ~scored, scored, order=3))
        share = np.append(share, notes.precedents.share[there])
        kind = np.append(kind, match_class(notes.precedents.length[there]))
    seen = np.bincount(kind, minlength=num_classes + 1)
    weights = np.append(np.full(num_classes, 0.5), 0)
    for _ in range(50):
        copied = weights[kind] * share
        responsibility = copied / (copied + (1 - weights[kind]) * chance)
        weights = (np.bincount(kind, responsibility, num_classes + 1) + 1) / (seen + 2)
        weights[-1] = 0
    return weights


def _counts(notes: Notes, learnt: Mask) -> NDArray[np.int64]:
    """[E] how often the learnt pieces hold each event."""
    return np.bincount(notes.events[learnt[notes.piece]], minlength=num_events(notes.num_durations))


def cross_validate(notes: Notes, learner: Learner, progress: Progress | None = None) -> Floats:
    """Score each fold's pieces by what is learnt from the others.

    Args:
        notes: All pieces.
        learner: What learns and scores.
        progress: Advances with each fold.

    Returns:
        [P] nats per note, the mean over a piece's notes; NaN for a piece that no fold holds out.
    """
    scores = np.full(len(notes.fold), np.nan)
    for fold in range(notes.num_folds):
        scored = notes.fold == fold
        pieces = notes.piece[scored[notes.piece]]
        nats = np.bincount(pieces, -np.log(learner(~scored, scored)), len(scored)) / np.maximum(
            np.bincount(pieces, minlength=len(scored)), 1
        )
        scores[scored] = nats[scored]
        (progress or Silent()).advance(1)
    return scores


def fold_means(notes: Notes, pieces: Floats) -> FoldValues:
    """Average nats per note of pieces, [P], over those of each fold."""
    return FoldValues(tuple(float(pieces[notes.fold == fold].mean()) for fold in range(notes.num_folds)))
