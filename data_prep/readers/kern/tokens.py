"""The tokens of Humdrum kern: a note, a chord or a rest, read with its duration, pitch and tie.

Kern writes pitches as they sound, so what it says of transposition is for print. An appoggiatura (P) takes its written
time, grace notes (q) and groupettos (Q) take none, and a note without a pitch (R) is a rest.
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
_MAX_ZEROS = 3  # of a maxima
_MAX_DOTS = 4
_MAX_SIGNS = 4  # sharps or flats, as many as music21's names may have


class Event(NamedTuple):
    """A note, chord or rest.

    Attributes:
        duration: In quarter notes; 0 for a grace note.
        pitch: MIDI pitch, of a chord the top note's; REST for a rest.
        spelling: music21's nameWithOctave, "rest" for a rest.
        chord_size: Notes struck together; 0 for a rest.
        tied: The top note is joined to the next by a tie.
    """

    duration: Fraction
    pitch: int
    spelling: str
    chord_size: int
    tied: bool


@lru_cache(maxsize=4096)
def read_event(token: str) -> Event:
    """Read a note, a chord or a rest.

    Args:
        token: The content of a column, not a null token.

    Returns:
        The event.

    Raises:
        ValueError: If it is none of these, or has no duration or pitch that music has.
    """
    duration = Fraction(0) if "q" in token or "Q" in token else _duration(token)
    notes = [(*_pitch(note), note) for note in token.split() if "r" not in note and "R" not in note]
    if not notes:
        return Event(duration, REST, "rest", 0, tied=False)
    pitch, spelling, top = max(notes, key=lambda note: note[0])
    return Event(duration, pitch, spelling, len(notes), tied="[" in top or "_" in top)


def _duration(token: str) -> Fraction:
    """Read the first duration of a token: a chord's is that of its first note."""
    match = _DURATION.search(token)
    if match is None:
        raise ValueError(f"{token[:20]!r} has no duration")
    unit, multiple, dots = match[1], int(match[2] or 1), len(match[3])
    zeros = len(unit) if int(unit) == 0 else 0
    if zeros > _MAX_ZEROS or dots > _MAX_DOTS or multiple == 0 or (zeros and match[2]):
        raise ValueError(f"{token[:20]!r} has no duration that music has")
    plain = Fraction(4 << zeros) if zeros else Fraction(4 * multiple, int(unit))
    return plain * (2 - Fraction(1, 2**dots))


def _pitch(token: str) -> tuple[int, str]:
    """Read a note's MIDI pitch and its name."""
    match = _NOTE.search(token)
    if match is None:
        raise ValueError(f"{token[:20]!r} is neither a note nor a rest")
    letters, letter, sign = match[1], match[2], match[3]
    octave = 3 + len(letters) if letter.islower() else 4 - len(letters)
    pitch = 12 * (octave + 1) + STEPS[letter.upper()] + sign.count("#") - sign.count("-")
    if not 0 <= pitch < NUM_PITCHES or len(sign) > _MAX_SIGNS:
        raise ValueError(f"{token[:20]!r} is no pitch that MIDI has")
    return pitch, f"{letter.upper()}{sign.replace('n', '')}{octave}"
