"""What the higher voices of a score sound when a note of a lower voice begins.

Voices are aligned by the time in their score: the onset of a note is that of the voice, which follows from its past
durations, plus the bars that are cut off before it. A voice in another metre or with another pickup was read
differently, so it is not heard. Lengths are not compared: those of a voice are unknown before its last note, and rests
at the end of a voice are not read.

Symbols: n notes of a piece, N of all pieces together, K upper voices.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from data_prep.readers.notes import MAX_TICKS, Piece

NUM_UPPER = 3
"""K: the first voices of a score, from the top, that the voices below them hear."""

NO_VOICE = -2
"""Pitch of a voice that does not exist, is not heard, or is not between its first and its last note."""

UPPER = np.dtype([("pitch", np.int16), ("next", np.int16), ("left", np.float32), ("begins", np.bool_)])
"""What a voice sounds at a moment.

pitch: MIDI pitch, REST or NO_VOICE; next: pitch of its next note, NO_VOICE after the last.
left: time until its next note (quarter notes); begins: whether its note begins at this moment.
"""


def no_voices(num_notes: int) -> NDArray[np.void]:
    """Return [num_notes, K] of UPPER without any voice."""
    upper = np.zeros((num_notes, NUM_UPPER), UPPER)
    upper["pitch"] = upper["next"] = NO_VOICE
    return upper


def find_upper(pieces: Sequence[Piece], higher: Sequence[Sequence[Piece | None]]) -> NDArray[np.void]:
    """Collect what the higher voices sound when each note begins.

    Args:
        pieces: P pieces.
        higher: [P] the higher voices of each piece's score, from the top; None for one that must not be heard.

    Returns:
        [N, K] of UPPER, for the notes and rests that have a duration.
    """
    parts = [no_voices(0)]
    for piece, voices in zip(pieces, higher, strict=True):
        upper = no_voices(piece.num_timed)
        for number, voice in enumerate(voices[:NUM_UPPER]):
            clock = _common_clock(piece, voice) if voice is not None and _agree(piece, voice) else None
            if voice is not None and clock is not None:
                upper[:, number] = heard(_times(piece, clock)[0], *_times(voice, clock), clock)
        parts.append(upper)
    return np.concatenate(parts)


def hears_any(upper: NDArray[np.void]) -> bool:
    """Return whether any note hears a voice, which requires scores with several voices."""
    return bool((upper["pitch"] != NO_VOICE).any())


def heard(
    now: NDArray[np.int64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    pitch: NDArray[np.integer],
    clock: int,
) -> NDArray[np.void]:
    """Return what a voice of v notes sounds at some moments.

    Args:
        now: [n] the moments, in ticks.
        begin: [v] beginnings of the notes, ascending.
        end: [v] their ends.
        pitch: [v] MIDI pitches or REST.
        clock: Ticks per quarter note.

    Returns:
        [n] of UPPER.
    """
    index = np.searchsorted(begin, now, side="right") - 1
    sounds = (index >= 0) & (now < end[index])
    upper = no_voices(len(now))[:, 0]
    upper["pitch"] = np.where(sounds, pitch[index], NO_VOICE)
    upper["next"] = np.where(sounds, np.append(pitch, NO_VOICE)[index + 1], NO_VOICE)
    upper["left"] = np.where(sounds, (end[index] - now) / clock, 0)
    upper["begins"] = sounds & (begin[index] == now)
    return upper


def _agree(piece: Piece, voice: Piece) -> bool:
    """Return whether two voices have the same metre and, if both begin with the score, the same pickup."""
    one, other = piece.heading, voice.heading
    same_pickup = one.pickup == other.pickup or one.begin > 0 or other.begin > 0
    return same_pickup and [metre[1:] for metre in one.metres[:1]] == [metre[1:] for metre in other.metres[:1]]


def _common_clock(piece: Piece, voice: Piece) -> int | None:
    """Return the ticks per quarter note in which the times of both voices are whole; None if there are too many."""
    clock = lcm(*(part for each in (piece, voice) for part in (each.resolution, each.heading.begin.denominator)))
    return clock if clock * max(_length(piece), _length(voice)) <= MAX_TICKS else None


def _length(piece: Piece) -> Fraction:
    """Return the time in the score at which a voice ends (quarter notes)."""
    return piece.heading.begin + Fraction(int((piece.onset + piece.duration).max(initial=0)), piece.resolution)


def _times(piece: Piece, clock: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int16]]:
    """Return the beginning and the end of each note in the score (ticks of ``clock``), and its pitch."""
    timed = piece.duration > 0
    begin = piece.onset[timed] * (clock // piece.resolution) + int(piece.heading.begin * clock)
    return begin, begin + piece.duration[timed] * (clock // piece.resolution), piece.pitch[timed]
