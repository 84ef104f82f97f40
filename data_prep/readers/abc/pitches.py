"""Conversion of letters and accidentals in ABC to MIDI pitches and names.

An accidental applies to its octave until the end of its bar, as in printed music. O'Neill's follows this rule: of later
notes with the same pitch in the bar, 480 have no accidental, 168 cancel it and 15 repeat it. The directive
propagate-accidentals changes the rule. Over a bar line, an accidental applies only to a tied note.

Source: The abc music standard 2.1, sections 4.2 (accidentals), 4.11 (ties), 11.3 (propagate-accidentals).
"""

from collections.abc import Iterable
from typing import NamedTuple

from data_prep.pitches import NUM_PITCHES
from data_prep.readers.abc.fields import SEMITONES, KeyField
from data_prep.readers.notes import midi_name

_MARKS = {"^": 1, "_": -1, "=": 0}
_ALTERED = {-2: "--", -1: "-", 0: "", 1: "#", 2: "##"}
_UPPER_CASE_OCTAVE = 4
_OCTAVE = 12


class WrittenPitch(NamedTuple):
    """A written note without accidentals: letter A..G, and octave, where octave 4 begins at middle C."""

    letter: str
    octave: int


def written(letter: str, marks: str) -> WrittenPitch:
    """Parse a letter (lower case is an octave higher) and its octave marks."""
    octave = _UPPER_CASE_OCTAVE + letter.islower() + marks.count("'") - marks.count(",")
    return WrittenPitch(letter.upper(), octave)


def sounding(note: WrittenPitch, alteration: int, shift: int) -> tuple[int, str]:
    """Return the MIDI pitch of a note and its name in music21.

    Args:
        note: The written note.
        alteration: Semitones added by the key or an accidental.
        shift: Semitones by which the voice is shifted.

    Returns:
        The pitch 0..127 and its name ("C#4", "B-3"), which has the written letter if the shift is whole octaves.

    Raises:
        ValueError: If the pitch is outside MIDI's range, or the alteration is more than a double sharp or flat.
    """
    if alteration not in _ALTERED:
        raise ValueError("a note has at most a double sharp or a double flat")
    pitch = _OCTAVE * (note.octave + 1) + SEMITONES[note.letter] + alteration + shift
    if not 0 <= pitch < NUM_PITCHES:
        raise ValueError(f"a note lies within MIDI's pitches 0 to {NUM_PITCHES - 1}: got {pitch}")
    if shift % _OCTAVE:
        return pitch, midi_name(pitch)
    return pitch, f"{note.letter}{_ALTERED[alteration]}{note.octave + shift // _OCTAVE}"


class BarAccidentals:
    """The current accidentals of a voice."""

    def __init__(self) -> None:
        """Start without accidentals."""
        self._in_bar: dict[WrittenPitch | str, int] = {}
        self._tied: dict[WrittenPitch, int] = {}

    def alteration(self, note: WrittenPitch, marks: str, key: KeyField, propagation: str) -> int:
        """Return the alteration of a note, and store it if the note has an accidental.

        Args:
            note: The written note.
            marks: Accidental of the note, made of "^", "_" and "=", or "".
            key: The current key.
            propagation: One of PROPAGATIONS.

        Returns:
            The alteration (semitones).
        """
        lasting = note.letter if propagation == "pitch" else note
        if marks:
            alteration = sum(_MARKS[mark] for mark in marks)
            if propagation != "not":
                self._in_bar[lasting] = alteration
            return alteration
        if note in self._tied:
            return self._tied[note]
        return self._in_bar.get(lasting, key.signature.get(note.letter, 0))

    def end_bar(self) -> None:
        """Drop the accidentals that last until the end of the bar."""
        self._in_bar.clear()

    def tie(self, notes: Iterable[tuple[WrittenPitch, int]]) -> None:
        """Apply the alterations of these notes to the next note or chord."""
        self._tied.update(notes)

    def end_ties(self) -> None:
        """Drop the alterations of tied notes, after the next note has been read."""
        self._tied.clear()
