"""The time grids: how a performance clock becomes fractions of a quarter note, or steps. Nothing else rounds times.

Written music (ABC, MusicXML, kern) is exact and never passes through here. MIDI files do: their ticks are exact only
where a notation program wrote them.

Melodies are moved to fractions, performances to steps of a sixteenth note (Malik and Ek 2017, "Quantisation").

Sources: the divisions follow music21's default of sixteenths and eighth-note triplets (4 and 3 a quarter), one level
finer, because fiddle tunes are full of thirty-seconds.
"""

from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from data_prep.wording import counted

DIVISIONS = (8, 6)
"""An onset is moved to the nearest multiple of 1/8 or of 1/6 quarter note, the nearer of the two."""

SHORTEST = Fraction(1, max(DIVISIONS))
"""The shortest note that is read off the grid, in quarter notes: a thirty-second."""

ARTICULATION_GAP = Fraction(1, 4)
"""A silence shorter than this between two notes of one voice (in quarter notes) is articulation, not a written rest;
and so is an overlap, not a second voice."""

STEPS_PER_QUARTER = 4
"""Performances are put on a grid of sixteenth notes."""

STEPS_PER_BAR = 16
"""Steps of that grid in a bar of 4/4, the only metre of performances."""

MAX_STEPS = 1 << 15
"""Steps of one performance: 2048 bars, over an hour at 120 quarter notes a minute. A grid takes memory for each."""


def snap(ticks: int, ticks_per_quarter: int) -> Fraction:
    """Move a time to the grid.

    Args:
        ticks: The time, in ticks of the file's clock.
        ticks_per_quarter: Ticks in a quarter note, positive.

    Returns:
        The nearest time on the grid in quarter notes; of two equally near ones, the one on the coarser division.
    """
    exact = Fraction(ticks, ticks_per_quarter)
    candidates = [Fraction(round(exact * division), division) for division in DIVISIONS]
    return min(candidates, key=lambda time: (abs(time - exact), time.denominator))


def to_step(time: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the nearest steps of a sixteenth note to times in quarter notes; an exact half goes to the later step.

    So music keeps its steps when it is shifted by a sixteenth; rounding halves to even would lengthen every other
    thirty-second.
    """
    return np.floor(time * STEPS_PER_QUARTER + 0.5).astype(np.int64)


def too_long(quarters: float) -> str | None:
    """Return why music of this length in quarter notes does not fit on the grid of steps, None if it does."""
    if quarters * STEPS_PER_QUARTER <= MAX_STEPS:
        return None
    bars = ceil(quarters * STEPS_PER_QUARTER / STEPS_PER_BAR)
    return f"it lasts {counted(bars, 'bar')} of four quarter notes; at most {MAX_STEPS // STEPS_PER_BAR} fit on a grid"
