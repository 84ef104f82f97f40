"""Spell pitches in a key: letter, accidental, octave, and whether the accidental has to be written.

Symbols: a name is a place on the line of fifths, ... B♭ -2, F -1, C 0, G 1, ... B 5, F♯ 6 ...
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from data_prep.tunes.notation import Mode, Tune

_LETTERS = "FCGDAEB"
PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
"""Pitch class of each letter."""

_LOWEST = -3
"""Names range from the lowered third of the signature's major key (E♭ in C) to its raised fifth (G♯): eleven fifths
with the leading notes of all four modes and the notes that fiddle tunes borrow. In keys with many accidentals, the
range is limited to names with a single accidental."""

_FLATTEST, _SHARPEST = -8, 12
"""Places of F♭ and B♯."""

_TONIC_PLACE: dict[Mode, int] = {"major": 0, "mixolydian": 1, "dorian": 2, "minor": 3}
"""Fifths from the tonic of the major key of the same signature up to the mode's tonic."""


class Name(NamedTuple):
    """Name of a pitch.

    Attributes:
        letter: C, D, E, F, G, A or B.
        alter: Semitones that the accidental adds, -1..1.
        octave: Octave of the letter; that of middle C is 4.
    """

    letter: str
    alter: int
    octave: int


def spell(pitch: int, fifths: int) -> Name:
    """Return the name of a MIDI pitch in a key signature (sharps, or flats if negative)."""
    lowest = min(max(fifths + _LOWEST, _FLATTEST), _SHARPEST - 11)
    place = (7 * pitch - lowest) % 12 + lowest
    letter, alter = _at(place)
    return Name(letter, alter, (pitch - alter - PITCH_CLASSES[letter]) // 12 - 1)


def signed(fifths: int) -> dict[str, int]:
    """Return the semitones that a key signature adds to each letter."""
    return dict(_at(place) for place in range(fifths - 1, fifths + 6))


def tonic(tune: Tune) -> str:
    """Return the name of a tune's tonic, as in "D", "Bb" or "F#"."""
    letter, alter = _at(tune.fifths + _TONIC_PLACE[tune.mode])
    return letter + {-1: "b", 0: "", 1: "#"}[alter]


def _at(place: int) -> tuple[str, int]:
    return _LETTERS[(place + 1) % 7], (place + 1) // 7


@dataclass
class Accidentals:
    """The accidentals in force in a bar.

    An accidental lasts until the end of the bar, in print only in its octave; some readers of ABC apply it to all
    octaves. An accidental is written if either interpretation requires it, which in print is the usual courtesy.

    Attributes:
        signature: Semitones that the key signature adds to each letter.
    """

    signature: dict[str, int]
    _at_octave: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    _at_letter: dict[str, int] = field(default_factory=dict[str, int])

    def needed(self, name: Name) -> bool:
        """Return whether the accidental of a note has to be written, and record it if so."""
        by_key = self.signature[name.letter]
        in_force = {
            self._at_octave.get((name.letter, name.octave), by_key),
            self._at_letter.get(name.letter, by_key),
        }
        if in_force == {name.alter}:
            return False
        self.write(name)
        return True

    def write(self, name: Name) -> None:
        """Record the accidental of a note as written."""
        self._at_octave[name.letter, name.octave] = name.alter
        self._at_letter[name.letter] = name.alter

    def tie(self, name: Name) -> None:
        """Record a note tied over the bar line without an accidental, so that the next note on its line gets one."""
        self._at_letter[name.letter] = name.alter
