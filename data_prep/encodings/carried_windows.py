"""Consecutive training windows through entire pieces, for state that is carried from one window to the next.

Symbols: G folds, B pieces of a fold in a step, P pieces, n rows of a piece.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.windows import Batch, one_of_each
from data_prep.randomness import stream


@dataclass(frozen=True)
class CarriedBatch:
    """One training step.

    Attributes:
        batch: The windows; slots of a fold that has fewer pieces than others have length 0.
        begins: Whether these are the first windows of their pieces.
    """

    batch: Batch
    begins: bool


@dataclass(frozen=True)
class CarriedPlan:
    """How pieces are cut into consecutive windows.

    Attributes:
        num_notes: [P] rows of each piece.
        fold: [P] the fold that holds the piece out; negative for a piece that no fold may train on.
        group: [P] the piece's composition; a pass uses one random piece of each.
        num_folds: Number of folds G.
        length: Rows in a window, except the last window of a piece.
        batch_size: Greatest number of pieces of a fold in a step.
        purpose: Name of the random streams.
    """

    num_notes: NDArray[np.int64]
    fold: NDArray[np.int64]
    group: NDArray[np.int64]
    num_folds: int
    length: int
    batch_size: int
    purpose: str

    def epoch(self, seed: int, *, trial: int, epoch: int) -> Iterator[CarriedBatch]:
        """Yield the steps of an epoch: the windows of a batch of similarly long pieces in order, then the next batch.

        Args:
            seed: The search's seed.
            trial: The trial's number.
            epoch: The epoch, from 1.

        Yields:
            The steps.
        """
        chosen: list[list[NDArray[np.int64]]] = [
            self._batches(fold, stream(seed, self.purpose, trial=trial, fold=fold, epoch=epoch))
            for fold in range(self.num_folds)
        ]
        most = max(len(batches) for batches in chosen)
        for number in stream(seed, f"order of {self.purpose}", trial=trial, epoch=epoch).permutation(most):
            piece = np.zeros((self.num_folds, self.batch_size), np.int64)
            total = np.zeros_like(piece)
            for fold, batches in enumerate(chosen):
                if batches:  # in a tiny corpus a fold starts over, so that no step is empty
                    pieces = batches[int(number) % len(batches)]
                    piece[fold, : len(pieces)], total[fold, : len(pieces)] = pieces, self.num_notes[pieces]
            for at in range(0, int(total.max()), self.length):
                length = np.clip(total - at, 0, self.length)
                first = np.where(length > 0, at, 0)
                yield CarriedBatch(Batch(piece, first, length), begins=at == 0)

    def _batches(self, fold: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
        pieces = np.flatnonzero((self.fold != fold) & (self.fold >= 0) & (self.num_notes > 0))
        pieces = one_of_each(self.group, pieces, random)
        pieces = pieces[np.argsort(self.num_notes[pieces], kind="stable")]
        return [pieces[at : at + self.batch_size] for at in range(0, len(pieces), self.batch_size)]
