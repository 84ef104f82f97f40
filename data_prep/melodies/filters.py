"""Rules that exclude pieces from a corpus: those that are too short, and those that are not plain tunes.

Pieces excluded from O'Neill's 2007 tunes by each rule alone: grace notes 642, chords 20, rests 427, metre changes 6,
key changes 8, odd durations 13, slurs written as ties 129. Together they leave 1022 tunes, of which 931 differ in their
first 32 pitches. A plain tune is unambiguous: it has no chords, no notes without duration, no rests, no slurs to
interpret, and one metre that determines the bar position of every note.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from data_prep.pitches import REST
from data_prep.readers.notes import Piece

MIN_NOTES = 8
"""A piece with fewer notes shows nothing about how a melody continues."""

_FOUR_PARTS = 4

PLAIN_DENOMINATORS = frozenset({1, 2, 3, 4, 6, 8})
"""Denominators of plain durations in quarter notes: down to thirty-seconds, with dots, and triplets of eighths and
sixteenths."""


def _has_odd_durations(piece: Piece) -> bool:
    durations = np.unique(piece.duration[piece.duration > 0])
    return any(
        Fraction(int(duration), piece.resolution).denominator not in PLAIN_DENOMINATORS for duration in durations
    )


def _has_slurs_as_ties(piece: Piece) -> bool:
    """Return whether a tie joins different pitches; tied notes of the same pitch have been merged."""
    pitch = piece.pitch[piece.duration > 0]
    tied = piece.tied[piece.duration > 0]
    return bool(np.any(tied[:-1] & (pitch[:-1] != pitch[1:]) & (pitch[1:] != REST)))


RULES: Mapping[str, Callable[[Piece], bool]] = {
    "too short": lambda piece: piece.num_sounding < MIN_NOTES,
    "grace notes": lambda piece: bool(np.any(piece.duration == 0)),
    "chords": lambda piece: bool(np.any(piece.chord_size > 1)),
    "rests": lambda piece: bool(np.any(piece.pitch == REST)),
    "metre changes": lambda piece: len({metre[1:] for metre in piece.heading.metres}) > 1,
    "key changes": lambda piece: len({key[1:] for key in piece.heading.keys}) > 1,
    "odd durations": _has_odd_durations,
    "slurs written as ties": _has_slurs_as_ties,
    "not in four parts": lambda piece: piece.heading.num_parts != _FOUR_PARTS,
}
"""Rules by name; each returns True for a piece to be excluded."""


def broken_rule(piece: Piece, rules: tuple[str, ...]) -> str | None:
    """Return the first rule that excludes a piece, or None."""
    return next((name for name in rules if RULES[name](piece)), None)
