"""Training windows: which part of which piece is where in which batch of an epoch, for all folds in lockstep.

Symbols: G folds, B windows of a fold in a step, P pieces, n the notes of a piece.
Every fold draws from a stream of its own; what folds share is the number of steps and the order of the batches by
length, so that batches of one step are about equally long in all folds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.randomness import stream


@dataclass(frozen=True)
class Batch:
    """The windows of one step. A slot that a fold leaves empty has length 0.

    Attributes:
        piece: [G, B] int64, the piece.
        first: [G, B] int64, the window's first note within the piece.
        length: [G, B] int64, its notes.
    """

    piece: NDArray[np.int64]
    first: NDArray[np.int64]
    length: NDArray[np.int64]

    def rows(self, start: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Find the rows that the windows cover.

        Args:
            start: [P + 1] offsets of the pieces' rows.

        Returns:
            [G, T, B] each slot's row, and whether the slot holds one; T is the longest window's length.
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
        length: Most notes in a window.
        batch_size: Most windows of a fold in a step.
        windows_per_epoch: Windows of a fold in an epoch, each a random stretch of a random piece; 0 for one pass.
        group: [P] what pieces are performances of; a pass takes one of each group, at random. None for all pieces.
        purpose: The name of the random streams, distinct from other plans of the same trial.
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
        """Steps of an epoch: enough for the fold with the most windows, so the same for all."""
        return max(-(-self._num_windows(fold) // self.batch_size) for fold in range(self.num_folds))

    def epoch(self, seed: int, *, trial: int, epoch: int) -> Iterator[Batch]:
        """Yield an epoch's batches, a function of the arguments alone.

        A pass cuts a piece of n > length notes into ceil(n / length) windows that start at random, one in each of as
        many equal parts of [0, n - length]; a shorter piece is one window. A fold's windows are spread evenly over the
        steps.

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
        """Return the most windows that an epoch can have."""
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
        """[3, W] piece, first note and length of a fold's windows."""
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
        """Shuffle a fold's windows, then gather those of like length: num_steps arrays [3, about B]."""
        windows = self._windows(fold, random)
        windows = windows[:, random.permutation(windows.shape[1])]
        # In a tiny corpus a fold can have fewer windows than another has steps: it starts over, so no step is empty.
        windows = windows[:, np.arange(max(windows.shape[1], num_steps)) % windows.shape[1]]
        windows = windows[:, np.argsort(windows[2], kind="stable")]
        return np.array_split(windows, num_steps, axis=1)


def whole_pieces(
    num_notes: NDArray[np.int64], fold: NDArray[np.integer], num_folds: int, most_notes: int
) -> Iterator[Batch]:
    """Yield every fold's held-out pieces whole, the longest first, so that a batch's pieces are about equally long.

    Args:
        num_notes: [P] notes of each piece; one without any is left out.
        fold: [P] the fold that holds each piece out.
        num_folds: Number of folds G.
        most_notes: Notes of a fold in one batch, padding included; a longer piece is a batch of its own.

    Yields:
        Batches whose windows are whole pieces.
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
        group: [P] every piece's group.
        pieces: [p] the pieces to choose from.
        random: The source.

    Returns:
        One piece for each group among them, in the groups' order.
    """
    shuffled = random.permutation(pieces)
    _, first = np.unique(group[shuffled], return_index=True)
    return shuffled[first]


def _stacked(parts: list[NDArray[np.int64]]) -> Batch:
    width = max(part.shape[1] for part in parts)
    whole = np.zeros((3, len(parts), width), dtype=np.int64)
    for fold, part in enumerate(parts):
        whole[:, fold, : part.shape[1]] = part
    return Batch(*whole)
