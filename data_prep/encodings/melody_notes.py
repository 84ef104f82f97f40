"""Notes of melodies before they are encoded as tokens: pitch, spelling, duration and bar position in the original key.

Symbols: P pieces, N notes of all pieces, D durations.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import NUM_TONICS
from data_prep.melodies.arrays import Melodies
from data_prep.melodies.events import REST_PITCH, grid_pitch
from data_prep.pitches import NUM_PITCHES

_NATURALS = {"F": (-1, 5), "C": (0, 0), "G": (1, 7), "D": (2, 2), "A": (3, 9), "E": (4, 4), "B": (5, 11)}
"""Place on the line of fifths and pitch class of each letter."""

_TONIC_FIFTHS = np.array([0, 7, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5])
"""Place of each tonic on the line of fifths, in the spelling whose more common mode has fewer accidentals (1: C sharp,
for its minor). It must not depend on the notes of a piece, because past notes would then reveal later ones."""


@dataclass(frozen=True)
class MelodyNotes:
    """Every note of the pieces in the original key.

    Attributes:
        pitch: [N] 0..127, or REST_PITCH.
        fifths: [N] place on the line of fifths, 0 if the reading does not distinguish spellings.
        duration: [N] index into the corpus's durations.
        position: [N] index into the corpus's bar positions.
        piece: [N] the note's piece.
        kept: [N] False if the reading leaves the note out.
        spells: Whether the reading distinguishes spellings.
    """

    pitch: NDArray[np.int64]
    fifths: NDArray[np.int64]
    duration: NDArray[np.int64]
    position: NDArray[np.int64]
    piece: NDArray[np.int64]
    kept: NDArray[np.bool_]
    spells: bool

    @classmethod
    def of(cls, melodies: Melodies, *, literal: bool) -> "MelodyNotes":
        """Return the notes of melodies; the literal reading spells them and leaves out rests and chords."""
        pitch = grid_pitch(melodies.pitch)
        return cls(
            pitch=pitch,
            fifths=_fifths(melodies, pitch) if literal else np.zeros_like(pitch),
            duration=melodies.duration.astype(np.int64),
            position=melodies.position.astype(np.int64),
            piece=melodies.piece_of_note,
            kept=(pitch != REST_PITCH) & ~melodies.in_chord if literal else np.ones(len(pitch), dtype=np.bool_),
            spells=literal,
        )

    def pitch_at(self, shift: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return [N] pitches with each piece shifted by its number of semitones [P]."""
        return moved(self.pitch, shift[self.piece])

    def fifths_at(self, shift: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return [N] places on the line of fifths with each piece shifted by its number of semitones [P]."""
        if not self.spells:
            return self.fifths
        return self.fifths - _TONIC_FIFTHS[-shift % NUM_TONICS][self.piece]

    def event_at(self, shift: NDArray[np.int64], num_durations: int) -> NDArray[np.int64]:
        """Return [N] events with each piece shifted by its number of semitones [P]."""
        return self.pitch_at(shift) * num_durations + self.duration


def moved(pitch: NDArray[np.int64], shift: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Shift pitches within 0..127, wrapping so that a shift is a bijection; rests are unchanged."""
    return np.where(pitch == REST_PITCH, pitch, (pitch + shift) % NUM_PITCHES)


def _fifths(melodies: Melodies, pitch: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return [N] the place of each note on the line of fifths, from its letter and pitch; 0 for rests."""
    letters = [name[:1] if name[:1] in _NATURALS else "C" for name in melodies.spellings]
    place, natural = np.array([_NATURALS[letter] for letter in letters], dtype=np.int64).T
    sharps = (pitch - natural[melodies.spelling] + 6) % NUM_TONICS - 6
    return np.where(pitch == REST_PITCH, 0, place[melodies.spelling] + 7 * sharps)
