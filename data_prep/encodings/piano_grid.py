"""Encode notes on a grid of sixteenth notes, as struck and held piano keys with velocities, and decode them.

Symbols: T steps of a sixteenth note, K = 88 keys (MIDI pitches 21..108), n notes on the grid. The sheet is [T, 2K]:
columns 2k and 2k+1 are [1, 1] in a step that strikes key k, [0, 1] where it is held, [0, 0] where it is silent. The
velocities are [T, K], velocity / 127 from the strike to the end of the note, 0 elsewhere.

Source: Malik and Ek (2017), "MIDI Encoding Scheme" (its "note 21 to 109" leaves 109 out: there are 88).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.grid import to_step
from data_prep.pitches import LOWEST_KEY, MAX_VELOCITY, NUM_KEYS


@dataclass(frozen=True)
class GridNotes:
    """Notes on the grid, sorted by (step, key); at most one per cell, none held beyond the next strike of its key.

    Attributes:
        step: [n] int64, sixteenths from the beginning.
        length: [n] int64 steps, at least 1.
        key: [n] int64, 0..K-1.
        velocity: [n] float64, 0..127.
    """

    step: NDArray[np.int64]
    length: NDArray[np.int64]
    key: NDArray[np.int64]
    velocity: NDArray[np.float64]

    @property
    def num_steps(self) -> int:
        """Number of steps T that contain all notes."""
        return int((self.step + self.length).max(initial=0))


def quantise(
    onset: NDArray[np.float64],
    duration: NDArray[np.float64],
    pitch: NDArray[np.integer],
    velocity: NDArray[np.integer | np.floating],
) -> tuple[GridNotes, NDArray[np.int64]]:
    """Quantise m played notes to the grid.

    Onsets and ends are rounded to steps, and a note is at least one step long. Notes of the same key and step are
    merged into one with the greatest velocity and length. A note ends where its key is struck again. Pitches outside
    the range of a piano are left out.

    Args:
        onset: [m] quarter notes, not negative.
        duration: [m] quarter notes.
        pitch: [m] MIDI pitches.
        velocity: [m] 0..127.

    Returns:
        The notes on the grid; and [m] the grid note of each played note, -1 if it is left out.
    """
    key = pitch.astype(np.int64) - LOWEST_KEY
    kept = (key >= 0) & (key < NUM_KEYS)
    begin, end = to_step(onset)[kept], to_step(onset + duration)[kept]
    assert begin.min(initial=0) >= 0
    cell, note = np.unique(begin * NUM_KEYS + key[kept], return_inverse=True)
    step, struck = np.divmod(cell, NUM_KEYS)
    last, loudest = step + 1, np.zeros(len(cell))
    np.maximum.at(last, note, end)
    np.maximum.at(loudest, note, velocity[kept].astype(np.float64))
    by_key = np.lexsort((step, struck))
    before, after = by_key[:-1], by_key[1:]
    again = struck[before] == struck[after]
    last[before[again]] = np.minimum(last[before], step[after])[again]
    index = np.full(len(pitch), -1)
    index[kept] = note
    return GridNotes(step, last - step, struck, loudest), index


def encode(notes: GridNotes, num_steps: int) -> NDArray[np.uint8]:
    """Return the sheet [T, 2K] of notes within T steps."""
    sheet = np.zeros((num_steps, 2 * NUM_KEYS), np.uint8)
    step, note = _cells(notes)
    sheet[step, 2 * notes.key[note] + 1] = 1
    sheet[notes.step, 2 * notes.key] = 1
    return sheet


def velocities(notes: GridNotes, num_steps: int) -> NDArray[np.float32]:
    """Return the velocities / 127, [T, K], of notes within T steps."""
    loudness = np.zeros((num_steps, NUM_KEYS), np.float32)
    step, note = _cells(notes)
    loudness[step, notes.key[note]] = notes.velocity[note] / MAX_VELOCITY
    return loudness


def struck(sheet: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the cells [T, K] that strike a key."""
    return sheet[:, 0::2] != 0


def decode(sheet: NDArray[np.uint8], loudness: NDArray[np.floating]) -> GridNotes:
    """Decode the notes of a sheet, with the velocities of the cells that strike them.

    Args:
        sheet: [T, 2K] as returned by ``encode``.
        loudness: [T, K] velocities / 127.

    Returns:
        The notes that were encoded; their velocities to the rounding of ``loudness``.
    """
    strikes = struck(sheet)
    stops = np.ones((NUM_KEYS, len(sheet) + 1), np.bool_)  # where a sounding note ends; all end at T
    stops[:, :-1] = (strikes | (sheet[:, 1::2] == 0)).T
    step, key = np.nonzero(strikes)
    stop = np.flatnonzero(stops)  # by key, then by step
    begin = key * stops.shape[1] + step
    end = stop[np.searchsorted(stop, begin, side="right")]
    return GridNotes(step, end - begin, key, loudness[step, key].astype(np.float64) * MAX_VELOCITY)


def _cells(notes: GridNotes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the step and the note of every sounding cell."""
    note = np.repeat(np.arange(len(notes.step)), notes.length)
    before = np.cumsum(notes.length) - notes.length
    return notes.step[note] + np.arange(len(note)) - before[note], note
