"""Views of performances as rows that a model reads and predicts: one row per note, or per step of the grid.

Symbols: N notes and P performances, R rows of all of them, K inputs, O outputs of a row.
A model predicts a value for each row and output. The velocity of a note is the value at its ``row`` and ``column``.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.note_features import (
    PITCH_FEATURES,
    PITCH_SCALE,
    FeatureSet,
    feature_names,
    note_features,
    order,
)
from data_prep.encodings.piano_grid import encode, quantise, velocities
from data_prep.grid import STEPS_PER_BAR
from data_prep.performances.arrays import Performances
from data_prep.pitches import MAX_VELOCITY, NUM_KEYS

Floats: TypeAlias = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.int64]

_SOUNDING, _STRUCK = 1, 2


class View(Protocol):
    """The interface of both views."""

    @property
    def start(self) -> NDArray[np.int64]:
        """[P + 1] offsets of the performances in the rows."""
        ...

    @property
    def row(self) -> NDArray[np.int64]:
        """[N] row of each note's velocity."""
        ...

    @property
    def column(self) -> NDArray[np.int64]:
        """[N] output of each note's velocity; -1 for a note outside the range of a piano."""
        ...

    @property
    def num_inputs(self) -> int:
        """Number of inputs K."""
        ...

    @property
    def num_outputs(self) -> int:
        """Number of outputs O."""
        ...

    def inputs(self, rows: Rows, shift: Rows | None = None) -> Floats:
        """Return [..., K] the inputs of rows [...], transposed by ``shift`` [...] semitones."""
        ...

    def targets(self, rows: Rows, shift: Rows | None = None) -> tuple[Floats, NDArray[np.bool_]]:
        """Return [..., O] velocities / 127 of rows [...], and which of them are trained on."""
        ...


@dataclass(frozen=True)
class NoteView:
    """One row per note, in the order (cell, pitch); see ``View``."""

    start: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    features: Floats
    velocity: Floats
    moving: Floats

    @classmethod
    def of(cls, performances: Performances, features: FeatureSet) -> "NoteView":
        """Compute the features of every note of every performance."""
        parts: list[Floats] = []
        row = np.empty(performances.num_notes, np.int64)
        for piece, (begin, end) in enumerate(pairwise(performances.start.tolist())):
            notes = performances.one(piece)
            ordered = order(notes.onset, notes.pitch)
            row[begin + ordered] = np.arange(begin, end)
            onset, duration, seconds = (column[ordered] for column in (notes.onset, notes.duration, notes.seconds))
            parts.append(note_features(notes.pitch[ordered], onset, duration, seconds, features))
        velocity = np.empty((len(row), 1), np.float32)
        velocity[row, 0] = performances.velocity / MAX_VELOCITY
        moving = np.array([PITCH_SCALE * (name in PITCH_FEATURES) for name in feature_names(features)], np.float32)
        return cls(performances.start, row, np.zeros_like(row), np.concatenate(parts), velocity, moving)

    @property
    def num_inputs(self) -> int:
        """Number of features."""
        return self.features.shape[1]

    @property
    def num_outputs(self) -> int:
        """One velocity."""
        return 1

    def inputs(self, rows: Rows, shift: Rows | None = None) -> Floats:
        """Return [..., K] the features of notes, transposed."""
        features = self.features[rows]
        return features if shift is None else (features + shift[..., None] * self.moving).astype(np.float32)

    def targets(self, rows: Rows, shift: Rows | None = None) -> tuple[Floats, NDArray[np.bool_]]:
        """Return [..., 1] velocities / 127; all are trained on."""
        del shift
        velocity = self.velocity[rows]
        return velocity, np.ones_like(velocity, np.bool_)


@dataclass(frozen=True)
class GridView:
    """One row per 1/16 note, from the first bar line of each performance; see ``View``.

    Attributes:
        sheet: [R, 176] uint8, the input of Malik and Ek (2017).
        loudness: [R, 88] uint8, velocities of struck and held cells, 0 where a key is silent.
        place: [R] uint8, position of the row in its bar.
        metre: Whether the position in the bar is an input.
        counted: Least state of a cell that is trained on: 0 (all cells), _SOUNDING or _STRUCK.
    """

    start: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    sheet: NDArray[np.uint8]
    loudness: NDArray[np.uint8]
    place: NDArray[np.uint8]
    metre: bool
    counted: int

    @classmethod
    def of(cls, performances: Performances, *, metre: bool, loss_cells: str) -> "GridView":
        """Quantise every performance to the grid.

        Args:
            performances: The performances.
            metre: Whether the position in the bar is an input.
            loss_cells: Cells that are trained on: "onset", "masked_all" or "all".

        Returns:
            The view.
        """
        sheets: list[NDArray[np.uint8]] = []
        loudness: list[NDArray[np.uint8]] = []
        row, column = np.empty((2, performances.num_notes), np.int64)
        start = [0]
        for piece, (begin, end) in enumerate(pairwise(performances.start.tolist())):
            part, played = slice(begin, end), performances.one(piece)
            notes, index = quantise(played.onset, played.duration, played.pitch, played.velocity)
            num_steps = max(notes.num_steps, 1)
            sheets.append(encode(notes, num_steps))
            loudness.append(np.rint(velocities(notes, num_steps) * MAX_VELOCITY).astype(np.uint8))
            inside = index >= 0
            row[part], column[part] = start[-1], -1
            row[part][inside] += notes.step[index[inside]]
            column[part][inside] = notes.key[index[inside]]
            start.append(start[-1] + num_steps)
        bounds = np.array(start, np.int64)
        place = (np.arange(start[-1]) - np.repeat(bounds[:-1], np.diff(bounds))) % STEPS_PER_BAR
        counted = {"onset": _STRUCK, "masked_all": _SOUNDING, "all": 0}[loss_cells]
        return cls(
            start=bounds,
            row=row,
            column=column,
            sheet=np.concatenate(sheets),
            loudness=np.concatenate(loudness),
            place=place.astype(np.uint8),
            metre=metre,
            counted=counted,
        )

    @property
    def num_inputs(self) -> int:
        """Two inputs for each key, and the positions in a bar."""
        return 2 * NUM_KEYS + STEPS_PER_BAR * self.metre

    @property
    def num_outputs(self) -> int:
        """A velocity for each key."""
        return NUM_KEYS

    def inputs(self, rows: Rows, shift: Rows | None = None) -> Floats:
        """Return [..., K] the states of all keys, transposed, and the position in the bar."""
        states = self.sheet[rows].reshape(*rows.shape, NUM_KEYS, 2)
        states = _transposed(states, shift).reshape(*rows.shape, 2 * NUM_KEYS)
        if not self.metre:
            return states.astype(np.float32)
        place = self.place[rows][..., None] == np.arange(STEPS_PER_BAR)
        return np.concatenate([states, place], axis=-1, dtype=np.float32)

    def targets(self, rows: Rows, shift: Rows | None = None) -> tuple[Floats, NDArray[np.bool_]]:
        """Return [..., 88] velocities / 127, and which of them are trained on."""
        both = np.stack([self.loudness[rows], self.state(rows)], axis=-1)
        both = _transposed(both, shift)
        return (both[..., 0] / MAX_VELOCITY).astype(np.float32), both[..., 1] >= self.counted

    def state(self, rows: Rows) -> NDArray[np.uint8]:
        """Return [..., 88] the state of each key: 0 silent, 1 held, 2 struck."""
        return self.sheet[rows, 0::2] + self.sheet[rows, 1::2]


def _transposed(keys: NDArray[np.uint8], shift: Rows | None) -> NDArray[np.uint8]:
    """Shift the values of keys [..., 88, n] up by ``shift`` [...] keys; values beyond the keyboard are dropped."""
    if shift is None:
        return keys
    source = np.arange(NUM_KEYS) - shift[..., None]
    inside = (source >= 0) & (source < NUM_KEYS)
    index = np.broadcast_to(np.where(inside, source, 0)[..., None], keys.shape)
    return np.take_along_axis(keys, index, axis=-2) * inside[..., None]


@dataclass(frozen=True)
class GridSizes:
    """Number of cells of the grid that notes and performances take.

    Attributes:
        cells: [N] cells in which a note is struck or held; 0 for a note that is merged into another.
        total: [P] cells of all keys in a performance.
    """

    cells: NDArray[np.int64]
    total: NDArray[np.int64]

    @classmethod
    def of(cls, performances: Performances) -> "GridSizes":
        """Count the cells of every performance."""
        cells = np.zeros(performances.num_notes, np.int64)
        total = np.empty(performances.num_pieces, np.int64)
        for piece, begin in enumerate(performances.start[:-1].tolist()):
            played = performances.one(piece)
            notes, index = quantise(played.onset, played.duration, played.pitch, played.velocity)
            canonical, first = np.unique(index, return_index=True)
            inside = canonical >= 0
            cells[begin + first[inside]] = notes.length[canonical[inside]]
            total[piece] = NUM_KEYS * max(notes.num_steps, 1)
        return cls(cells, total)
