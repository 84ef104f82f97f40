"""Training windows: the parts of pieces in each batch of an epoch, for all folds in lockstep.

Symbols: G folds, B windows of a fold in a step, P pieces, n the notes of a piece.
Every fold has its own random stream. All folds have the same number of steps and the same order of batches by length,
so that the batches of a step are about equally long in all folds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.randomness import stream


@dataclass(frozen=True)
class Batch:
    """The windows of one step. An empty slot has length 0.

    Attributes:
        piece: [G, B] int64, the piece.
        first: [G, B] int64, the window's first note within the piece.
        length: [G, B] int64, number of notes in the window.
    """

    piece: NDArray[np.int64]
    first: NDArray[np.int64]
    length: NDArray[np.int64]

    def rows(self, start: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the rows of the notes in the windows.

        Args:
            start: [P + 1] offsets of the pieces in the rows.

        Returns:
            [G, T, B] row of each slot, and whether the slot has one; T is the length of the longest window.
        """
        step = np.arange(int(self.length.max()))[:, None]
        inside = step < self.length[:, None]
        index = start[self.piece][:, None] + self.first[:, None] + step
        return np.where(inside, index, 0), inside


@dataclass(frozen=True)
class WindowPlan:
    """How pieces are cut into windows.

    Attributes:
        num_notes: [P] notes of each piece.
        fold: [P] the fold that holds the piece out; negative for a piece that no fold may train on.
        num_folds: Number of folds G.
        length: Greatest number of notes in a window.
        batch_size: Greatest number of windows of a fold in a step.
        windows_per_epoch: Windows of a fold in an epoch, each a random section of a random piece; 0 for one pass.
        group: [P] the piece's composition; a pass uses one random piece of each. None to use all pieces.
        purpose: Name of the random streams, different from other plans of the same trial.
    """

    num_notes: NDArray[np.int64]
    fold: NDArray[np.int64]
    num_folds: int
    length: int
    batch_size: int
    windows_per_epoch: int = 0
    group: NDArray[np.int64] | None = None
    purpose: str = "windows"

    @property
    def num_steps(self) -> int:
        """Steps of an epoch, the same for all folds: enough for the fold with the most windows."""
        return max(-(-self._num_windows(fold) // self.batch_size) for fold in range(self.num_folds))

    def epoch(self, seed: int, *, trial: int, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, which depend on the arguments alone.

        A pass cuts a piece of n > length notes into ceil(n / length) windows. They start at random, one in each of
        ceil(n / length) equal parts of [0, n - length]. A shorter piece is one window. The windows of a fold are spread
        evenly over the steps.

        Args:
            seed: The search's seed.
            trial: The trial's number.
            epoch: The epoch, from 1.

        Yields:
            ``num_steps`` batches.
        """
        num_steps = self.num_steps
        folds = [
            self._fold_batches(fold, num_steps, stream(seed, self.purpose, trial=trial, fold=fold, epoch=epoch))
            for fold in range(self.num_folds)
        ]
        for step in stream(seed, "order of steps", trial=trial, epoch=epoch).permutation(num_steps):
            yield _stacked([batches[step] for batches in folds])

    def _training_pieces(self, fold: int) -> NDArray[np.int64]:
        return np.flatnonzero((self.fold != fold) & (self.fold >= 0) & (self.num_notes > 0))

    def _num_windows(self, fold: int) -> int:
        """Return the greatest number of windows that an epoch can have."""
        if self.windows_per_epoch:
            return self.windows_per_epoch
        pieces = self._training_pieces(fold)
        parts = -(-self.num_notes[pieces] // self.length)
        if self.group is None:
            return int(parts.sum())
        most = np.zeros(int(self.group.max()) + 1, np.int64)
        np.maximum.at(most, self.group[pieces], parts)
        return int(most.sum())

    def _windows(self, fold: int, random: np.random.Generator) -> NDArray[np.int64]:
        """Return [3, W] piece, first note and length of the windows of a fold."""
        pieces = self._training_pieces(fold)
        if self.group is not None:
            pieces = one_of_each(self.group, pieces, random)
        if self.windows_per_epoch:
            piece = random.choice(pieces, size=self.windows_per_epoch)
            slack = np.clip(self.num_notes[piece] - self.length, 0, None)
            first = random.integers(slack, endpoint=True)
        else:
            parts = -(-self.num_notes[pieces] // self.length)
            piece = np.repeat(pieces, parts)
            part = np.arange(len(piece)) - np.repeat(np.cumsum(parts) - parts, parts)
            slack = np.clip(self.num_notes[piece] - self.length, 0, None)
            first = ((part + random.random(len(piece))) / np.repeat(parts, parts) * (slack + 1)).astype(np.int64)
        return np.stack([piece, first, np.minimum(self.num_notes[piece], self.length)])

    def _fold_batches(self, fold: int, num_steps: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
        """Shuffle the windows of a fold, then group those of similar length into num_steps arrays [3, about B]."""
        windows = self._windows(fold, random)
        windows = windows[:, random.permutation(windows.shape[1])]
        # in a tiny corpus a fold can have fewer windows than there are steps: it starts over, so that no step is empty
        windows = windows[:, np.arange(max(windows.shape[1], num_steps)) % windows.shape[1]]
        windows = windows[:, np.argsort(windows[2], kind="stable")]
        return np.array_split(windows, num_steps, axis=1)


def whole_pieces(
    num_notes: NDArray[np.int64], fold: NDArray[np.integer], num_folds: int, most_notes: int
) -> Iterator[Batch]:
    """Yield the held-out pieces of every fold, the longest first, so that the pieces of a batch are about equally long.

    Args:
        num_notes: [P] notes of each piece; pieces without notes are left out.
        fold: [P] the fold that holds each piece out.
        num_folds: Number of folds G.
        most_notes: Greatest number of notes of a fold in a batch, including padding; a longer piece has its own batch.

    Yields:
        Batches whose windows are entire pieces.
    """
    ranked = [np.flatnonzero((fold == g) & (num_notes > 0)) for g in range(num_folds)]
    ranked = [pieces[np.argsort(-num_notes[pieces], kind="stable")] for pieces in ranked]
    first, most = 0, max(len(pieces) for pieces in ranked)
    while first < most:
        longest = max(int(num_notes[pieces[first]]) for pieces in ranked if first < len(pieces))
        width = min(max(1, most_notes // longest), most - first)
        piece = np.zeros((num_folds, width), dtype=np.int64)
        length = np.zeros_like(piece)
        for g, pieces in enumerate(ranked):
            part = pieces[first : first + width]
            piece[g, : len(part)], length[g, : len(part)] = part, num_notes[part]
        yield Batch(piece=piece, first=np.zeros_like(piece), length=length)
        first += width


def one_of_each(group: NDArray[np.int64], pieces: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Choose one piece of every group at random, with equal probabilities.

    Args:
        group: [P] the group of each piece.
        pieces: [p] the pieces to choose from.
        random: The random generator.

    Returns:
        One piece of each group among them, in the order of the groups.
    """
    shuffled = random.permutation(pieces)
    _, first = np.unique(group[shuffled], return_index=True)
    return shuffled[first]


def _stacked(parts: list[NDArray[np.int64]]) -> Batch:
    width = max(part.shape[1] for part in parts)
    windows = np.zeros((3, len(parts), width), dtype=np.int64)
    for fold, part in enumerate(parts):
        windows[:, fold, : part.shape[1]] = part
    return Batch(*windows)
