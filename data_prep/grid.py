"""Time grids: the only place where MIDI times are rounded, to fractions of a quarter note or to steps.

Written music (ABC, MusicXML, kern) is exact and is not rounded. MIDI ticks are exact only if a notation program wrote
them.

Melodies are rounded to fractions, performances to steps of a sixteenth note (Malik and Ek 2017, "Quantisation").

Sources: the divisions follow music21's default of sixteenths and eighth-note triplets (4 and 3 per quarter note), one
level finer, because fiddle tunes are full of thirty-seconds.
"""

from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from data_prep.wording import counted

DIVISIONS = (8, 6)
"""An onset is rounded to the nearest multiple of 1/8 or 1/6 quarter note, whichever is nearer."""

SHORTEST = Fraction(1, max(DIVISIONS))
"""The shortest note on the grid, in quarter notes: a thirty-second."""

ARTICULATION_GAP = Fraction(1, 4)
"""A gap or overlap shorter than this (quarter notes) between two notes of a voice is articulation: a gap is not read as
a rest, nor an overlap as a second voice."""

STEPS_PER_QUARTER = 4
"""Performances are put on a grid of sixteenth notes."""

STEPS_PER_BAR = 16
"""Steps of that grid in a bar of 4/4, the only metre of performances."""

MAX_STEPS = 1 << 15
"""Steps of a performance: 2048 bars, over an hour at 120 quarter notes per minute. A grid has a row for each step."""


def snap(ticks: int, ticks_per_quarter: int) -> Fraction:
    """Round a time to the grid.

    Args:
        ticks: The time in ticks.
        ticks_per_quarter: Ticks per quarter note, positive.

    Returns:
        The nearest time on the grid in quarter notes; if two are equally near, the one on the coarser division.
    """
    exact = Fraction(ticks, ticks_per_quarter)
    candidates = [Fraction(round(exact * division), division) for division in DIVISIONS]
    return min(candidates, key=lambda time: (abs(time - exact), time.denominator))


def to_step(time: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round times in quarter notes to steps of a sixteenth note, halves up.

    Shifting music by a sixteenth then shifts every step by one; rounding halves to even would lengthen every other
    thirty-second.
    """
    return np.floor(time * STEPS_PER_QUARTER + 0.5).astype(np.int64)


def too_long(quarters: float) -> str | None:
    """Return why music of a length in quarter notes does not fit on the grid of steps, or None if it fits."""
    if quarters * STEPS_PER_QUARTER <= MAX_STEPS:
        return None
    bars = ceil(quarters * STEPS_PER_QUARTER / STEPS_PER_BAR)
    return f"it lasts {counted(bars, 'bar')} of four quarter notes; at most {MAX_STEPS // STEPS_PER_BAR} fit on a grid"
