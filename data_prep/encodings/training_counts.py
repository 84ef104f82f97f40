"""What each fold counts in its training pieces, and the prior of a piece's header that follows from the counts.

Symbols: G folds, P pieces, S bar positions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import NUM_TONICS, MelodyVocabulary
from data_prep.melodies.arrays import Melodies


def fold_counts(index: NDArray[np.int64], size: int, fold: NDArray[np.int64], num_folds: int) -> NDArray[np.int64]:
    """Count how often each fold's training pieces hold each index.

    Args:
        index: [n] numbers 0..size-1.
        size: How many numbers there are.
        fold: [n] the fold that holds each one's piece out; ``num_folds`` where none does.
        num_folds: Number of folds G.

    Returns:
        [G, size] counts.
    """
    count = np.bincount(fold * size + index, minlength=(num_folds + 1) * size)
    held_out = count.reshape(num_folds + 1, size)  # the last row: held out by none
    return held_out.sum(axis=0) - held_out[:-1]


def common_counts(index: NDArray[np.int64], size: int, fold: NDArray[np.int64], num_folds: int) -> NDArray[np.int64]:
    """[size] how often the pieces that any fold trains on hold each index; arguments as of ``fold_counts``."""
    return np.bincount(index[trained_on(fold, num_folds)], minlength=size)


def trained_on(fold: NDArray[np.int64], num_folds: int) -> NDArray[np.bool_]:
    """[n] whether any fold trains on pieces, from the fold that holds each out."""
    return (fold == num_folds) | (num_folds > 1)


@dataclass(frozen=True)
class HeaderCounts:
    """How often each fold's training pieces have each tonic, and each metre and pickup.

    Attributes:
        tonics: [G, 12].
        bars: [G, metres, S].
    """

    tonics: NDArray[np.int64]
    bars: NDArray[np.int64]

    @classmethod
    def of(cls, melodies: Melodies) -> "HeaderCounts":
        """Count in a corpus."""
        fold, num_folds = melodies.fold.astype(np.int64), melodies.num_folds
        num_positions = len(melodies.positions)
        bar = melodies.metre.astype(np.int64) * num_positions + melodies.pickup
        bars = fold_counts(bar, len(melodies.metres) * num_positions, fold, num_folds)
        tonics = fold_counts(melodies.tonic.astype(np.int64), NUM_TONICS, fold, num_folds)
        return cls(tonics, bars.reshape(num_folds, -1, num_positions))

    @classmethod
    def known(cls, known: MelodyVocabulary, melodies: Melodies) -> "HeaderCounts":
        """Return the counts of a trained model; metres and positions that only the corpus has were never seen."""
        _, num_metres, num_positions = known.bar_counts.shape
        new = (len(melodies.metres) - num_metres, len(melodies.positions) - num_positions)
        return cls(known.tonic_counts, np.pad(known.bar_counts, ((0, 0), (0, new[0]), (0, new[1]))))

    def log_shift_prior(self, shifts: range) -> NDArray[np.float64]:
        """Return [G, len(shifts)] log p(shift) in nats, with add-one smoothing; every tonic is shifted to C."""
        log_p = np.log((self.tonics + 1) / (self.tonics + 1).sum(axis=-1, keepdims=True))
        return log_p[:, -np.array(shifts) % NUM_TONICS]

    def log_bar_prior(self) -> NDArray[np.float64]:
        """Return [G, metres, S] log p(metre, pickup) in nats, with the Good-Turing estimate for unseen pairs."""
        total = np.clip(self.bars.sum(axis=(1, 2), keepdims=True), 1, None)
        new = np.clip((self.bars == 1).sum(axis=(1, 2), keepdims=True), 1, None) / (total + 1)
        return np.log((1 - new) * self.bars / total + new / self.bars[0].size)
