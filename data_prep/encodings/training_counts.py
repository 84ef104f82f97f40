"""Counts in the training pieces of each fold, and the priors of a piece's header computed from them.

Symbols: G folds, P pieces, S bar positions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import NUM_TONICS, MelodyVocabulary
from data_prep.melodies.arrays import Melodies


def fold_counts(index: NDArray[np.int64], size: int, fold: NDArray[np.int64], num_folds: int) -> NDArray[np.int64]:
    """Count how often each index occurs in the training pieces of each fold.

    Args:
        index: [n] indices 0..size-1.
        size: Number of different indices.
        fold: [n] the fold that holds the piece of each index out; ``num_folds`` if no fold does.
        num_folds: Number of folds G.

    Returns:
        [G, size] counts.
    """
    count = np.bincount(fold * size + index, minlength=(num_folds + 1) * size)
    held_out = count.reshape(num_folds + 1, size)  # the last row: held out by none
    return held_out.sum(axis=0) - held_out[:-1]


def common_counts(index: NDArray[np.int64], size: int, fold: NDArray[np.int64], num_folds: int) -> NDArray[np.int64]:
    """Return [size] how often each index occurs in pieces that any fold trains on; see ``fold_counts``."""
    return np.bincount(index[trained_on(fold, num_folds)], minlength=size)


def trained_on(fold: NDArray[np.int64], num_folds: int) -> NDArray[np.bool_]:
    """Return [n] whether any fold trains on each piece, given the fold that holds it out."""
    return (fold == num_folds) | (num_folds > 1)


@dataclass(frozen=True)
class HeaderCounts:
    """Counts of the headers in the training pieces of each fold.

    Attributes:
        tonics: [G, 12] counts of tonics.
        bars: [G, metres, S] counts of metres and pickups.
    """

    tonics: NDArray[np.int64]
    bars: NDArray[np.int64]

    @classmethod
    def of(cls, melodies: Melodies) -> "HeaderCounts":
        """Count the headers of a corpus."""
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
