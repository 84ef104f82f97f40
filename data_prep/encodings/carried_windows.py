"""Training windows that follow one another through whole pieces, for state that is carried from one to the next.

Symbols: G folds, B pieces of a fold that run side by side, P pieces, n the rows of a piece.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.windows import Batch, one_of_each
from data_prep.randomness import stream


@dataclass(frozen=True)
class CarriedBatch:
    """One step.

    Attributes:
        batch: Its windows; a fold that has no more pieces while another does has slots of length 0.
        begins: Whether these windows are their pieces' first.
    """

    batch: Batch
    begins: bool


@dataclass(frozen=True)
class CarriedPlan:
    """How pieces are traversed in order.

    Attributes:
        num_notes: [P] rows of each piece.
        fold: [P] the fold that holds the piece out; negative for a piece that no fold may train on.
        group: [P] what pieces are performances of; a pass takes one of each group, at random.
        num_folds: Number of folds G.
        length: Rows in a window, except a piece's last one.
        batch_size: Most pieces of a fold side by side.
        purpose: The name of the random streams.
    """

    num_notes: NDArray[np.int64]
    fold: NDArray[np.int64]
    group: NDArray[np.int64]
    num_folds: int
    length: int
    batch_size: int
    purpose: str

    def epoch(self, seed: int, *, trial: int, epoch: int) -> Iterator[CarriedBatch]:
        """Yield an epoch's steps: pieces of like length side by side, all their windows in order, then the next ones.

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
