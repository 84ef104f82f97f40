"""From ABC's letters and accidentals to MIDI pitches and spelled names.

An accidental lasts to the end of its bar, at its octave, as in print. O'Neill's means it so: of later notes of such a
pitch in the same bar, 480 bear no mark, 168 cancel it and 15 repeat it. The directive propagate-accidentals changes
this. A tie carries the accidental of its note over the bar line, to the tied note alone.

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
    """A note as written on its line of the staff: the letter A..G and the octave, 4 from middle C."""

    letter: str
    octave: int


def written(letter: str, marks: str) -> WrittenPitch:
    """Return the note of a letter (lower case an octave higher) and its octave marks."""
    octave = _UPPER_CASE_OCTAVE + letter.islower() + marks.count("'") - marks.count(",")
    return WrittenPitch(letter.upper(), octave)


def sounding(note: WrittenPitch, alteration: int, shift: int) -> tuple[int, str]:
    """Return the MIDI pitch of a note, and its name as music21 spells it.

    Args:
        note: As written.
        alteration: Semitones that the key or an accidental adds.
        shift: Semitones that the voice is moved by.

    Returns:
        The pitch 0..127 and its name ("C#4", "B-3"). Moved by whole octaves, a note keeps its letter.

    Raises:
        ValueError: If there is no such MIDI pitch, or the alteration is more than a double sharp or flat.
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
    """The accidentals in force in a voice."""

    def __init__(self) -> None:
        """Begin empty."""
        self._in_bar: dict[WrittenPitch | str, int] = {}
        self._tied: dict[WrittenPitch, int] = {}

    def alteration(self, note: WrittenPitch, marks: str, key: KeyField, propagation: str) -> int:
        """Return a note's alteration in semitones, and remember it if it is marked.

        Args:
            note: As written.
            marks: Its own accidental: of "^", "_" and "=", or nothing.
            key: The key in force.
            propagation: One of PROPAGATIONS.

        Returns:
            The alteration.
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
        """Drop what lasts to the end of a bar."""
        self._in_bar.clear()

    def tie(self, notes: Iterable[tuple[WrittenPitch, int]]) -> None:
        """Let the next note or chord keep the alterations of these notes."""
        self._tied.update(notes)

    def end_ties(self) -> None:
        """Drop the alterations of tied notes: the note after them has been read."""
        self._tied.clear()
