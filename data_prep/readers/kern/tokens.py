"""The tokens of Humdrum kern: notes, chords and rests, parsed to durations, pitches and ties.

Kern files contain sounding pitches, so their transpositions are for print and are ignored. An appoggiatura (P) has its
written duration, grace notes (q) and groupettos (Q) have none, and a note without a pitch (R) is a rest.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from data_prep.pitches import NUM_PITCHES, REST

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
"""Pitch classes of the letters."""

_NOTE = re.compile(r"(([A-Ga-g])\2*)(#+|-+|n?)")
_DURATION = re.compile(r"(\d{1,6})(?:%(\d{1,6}))?(\.*)")
_MAX_ZEROS = 3  # of the duration of a maxima
_MAX_DOTS = 4
_MAX_SIGNS = 4  # sharps or flats, as in music21's names


class Event(NamedTuple):
    """A note, chord or rest.

    Attributes:
        duration: Duration (quarter notes), 0 for a grace note.
        pitch: MIDI pitch, for a chord that of its top note, REST for a rest.
        spelling: Name in the form of music21's nameWithOctave, "rest" for a rest.
        chord_size: Number of notes struck together, 0 for a rest.
        tied: Whether a tie leads from the top note to the next note.
    """

    duration: Fraction
    pitch: int
    spelling: str
    chord_size: int
    tied: bool


@lru_cache(maxsize=4096)
def read_event(token: str) -> Event:
    """Parse a note, a chord or a rest.

    Args:
        token: Content of a column, not a null token.

    Returns:
        The event.

    Raises:
        ValueError: If the token is none of these, or its duration or pitch is invalid.
    """
    duration = Fraction(0) if "q" in token or "Q" in token else _duration(token)
    notes = [(*_pitch(note), note) for note in token.split() if "r" not in note and "R" not in note]
    if not notes:
        return Event(duration, REST, "rest", 0, tied=False)
    pitch, spelling, top = max(notes, key=lambda note: note[0])
    return Event(duration, pitch, spelling, len(notes), tied="[" in top or "_" in top)


def _duration(token: str) -> Fraction:
    """Return the first duration of a token, for a chord that of its first note."""
    match = _DURATION.search(token)
    if match is None:
        raise ValueError(f"{token[:20]!r} has no duration")
    unit, multiple, dots = match[1], int(match[2] or 1), len(match[3])
    zeros = len(unit) if int(unit) == 0 else 0
    if zeros > _MAX_ZEROS or dots > _MAX_DOTS or multiple == 0 or (zeros and match[2]):
        raise ValueError(f"{token[:20]!r} has an invalid duration")
    plain = Fraction(4 << zeros) if zeros else Fraction(4 * multiple, int(unit))
    return plain * (2 - Fraction(1, 2**dots))


def _pitch(token: str) -> tuple[int, str]:
    """Return the MIDI pitch of a note and its name."""
    match = _NOTE.search(token)
    if match is None:
        raise ValueError(f"{token[:20]!r} is neither a note nor a rest")
    letters, letter, sign = match[1], match[2], match[3]
    octave = 3 + len(letters) if letter.islower() else 4 - len(letters)
    pitch = 12 * (octave + 1) + STEPS[letter.upper()] + sign.count("#") - sign.count("-")
    if not 0 <= pitch < NUM_PITCHES or len(sign) > _MAX_SIGNS:
        raise ValueError(f"{token[:20]!r} has an invalid pitch")
    return pitch, f"{letter.upper()}{sign.replace('n', '')}{octave}"
