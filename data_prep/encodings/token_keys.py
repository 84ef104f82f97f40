"""Token keys: pitch, spelling, duration and bar position packed into one integer, so that tokens can be sorted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.melody_notes import moved
from data_prep.melodies.events import NUM_GRID_PITCHES

_FIFTHS_LOW, _NUM_FIFTHS = -64, 128
"""Range of places on the line of fifths; real spellings are within -15..19 before shifting."""


@dataclass(frozen=True)
class TokenKeys:
    """Layout of the keys of a corpus.

    Attributes:
        num_durations: Number of durations D.
        num_positions: Number of bar positions S.
    """

    num_durations: int
    num_positions: int

    def pack(
        self,
        pitch: NDArray[np.int64],
        fifths: NDArray[np.int64],
        duration: NDArray[np.int64],
        position: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Pack the arrays into keys."""
        spelled = pitch * _NUM_FIFTHS + (fifths - _FIFTHS_LOW)
        return (spelled * self.num_durations + duration) * self.num_positions + position

    def unpack(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """Return pitch, place on the line of fifths, duration and position of keys."""
        rest, position = np.divmod(keys, self.num_positions)
        rest, duration = np.divmod(rest, self.num_durations)
        pitch, fifths = np.divmod(rest, _NUM_FIFTHS)
        return pitch, fifths + _FIFTHS_LOW, duration, position

    def shifted(self, keys: NDArray[np.int64], shifts: range) -> NDArray[np.int64]:
        """Return [len(shifts), V] the keys of the tokens shifted by each number of semitones."""
        pitch, fifths, duration, position = self.unpack(keys)
        return np.stack([self.pack(moved(pitch, shift), fifths, duration, position) for shift in shifts])

    def num_spellings(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return [129] the number of different spellings of each pitch among keys."""
        spelled = np.unique(keys // (self.num_durations * self.num_positions))
        return np.bincount(spelled // _NUM_FIFTHS, minlength=NUM_GRID_PITCHES)
