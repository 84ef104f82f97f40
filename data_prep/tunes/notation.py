"""Tunes: single voices in notation, with metre and key, which models compose and which are written to files."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from typing import Literal, TypeAlias

from data_prep.pitches import REST

Mode: TypeAlias = Literal["major", "minor", "dorian", "mixolydian"]

MODES: tuple[Mode, ...] = ("major", "minor", "dorian", "mixolydian")
"""The modes of tunes. The mode determines the tonic of a key signature."""

DIVISIONS = 10080
"""Divisions of a quarter note in written tunes, as in music21's MusicXML."""

_TONIC_ABOVE_MAJOR: dict[Mode, int] = {"major": 0, "minor": 9, "dorian": 2, "mixolydian": 7}
"""Semitones from the tonic of the major key of the same signature up to the mode's tonic."""


@dataclass(frozen=True)
class Tune:
    """One monophonic tune of n notes and rests.

    Attributes:
        pitch: [n] MIDI pitches, REST for a rest.
        duration: [n] quarter notes, positive.
        metre: Beats and beat unit, as (6, 8).
        pickup: Length of the opening partial bar in quarter notes, 0 where the first bar is full.
        fifths: The key signature: sharps, or flats if negative, -7..7.
        mode: The mode, which determines the tonic of that signature.
        num_prompt: Number of notes in the prompt, which come first; the others were composed.
        title: Title.
        quarters_per_minute: Tempo.
    """

    pitch: tuple[int, ...]
    duration: tuple[Fraction, ...]
    metre: tuple[int, int] = (4, 4)
    pickup: Fraction = Fraction(0)
    fifths: int = 0
    mode: Mode = "major"
    num_prompt: int = 0
    title: str = ""
    quarters_per_minute: float = 120.0

    @property
    def num_notes(self) -> int:
        """Number of notes and rests."""
        return len(self.pitch)

    @property
    def bar_length(self) -> Fraction:
        """Length of a full bar in quarter notes."""
        return Fraction(4 * self.metre[0], self.metre[1])

    @property
    def tonic(self) -> int:
        """The tonic's pitch class 0..11."""
        return (7 * self.fifths + _TONIC_ABOVE_MAJOR[self.mode]) % 12

    @property
    def scale(self) -> frozenset[int]:
        """The seven pitch classes of the key signature."""
        return frozenset((7 * (self.fifths + step)) % 12 for step in range(-1, 6))

    def onsets(self) -> tuple[Fraction, ...]:
        """Return the onset of every note in quarter notes from the beginning."""
        return tuple(accumulate(self.duration, initial=Fraction(0)))[:-1]

    def bars(self) -> tuple[int, ...]:
        """Return the bar in which every note begins, from 0 for the pickup, or for the first full bar without one."""
        shift = self.bar_length - self.pickup if self.pickup else Fraction(0)
        return tuple(int((onset + shift) // self.bar_length) for onset in self.onsets())

    def transposed(self, semitones: int) -> "Tune":
        """Return the tune transposed, with the key signature of the fewest accidentals."""
        pitch = tuple(pitch if pitch == REST else pitch + semitones for pitch in self.pitch)
        fifths = (self.fifths + 7 * semitones + 5) % 12 - 5
        return replace(self, pitch=pitch, fifths=fifths)


def signature(tonic: int, mode: Mode) -> int:
    """Return the key signature of a tonic (pitch class 0..11) and mode: sharps, or flats if negative, -5..6."""
    return (7 * (tonic - _TONIC_ABOVE_MAJOR[mode]) + 5) % 12 - 5
