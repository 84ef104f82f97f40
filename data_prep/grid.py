"""The time grid: how ticks of a performance clock become exact fractions of a quarter note. The only quantisation rule.

Written music (ABC, MusicXML, kern) is exact and never passes through here. MIDI files do: their ticks are exact only
where a notation program wrote them.

Sources: the divisions follow music21's default of sixteenths and eighth-note triplets (4 and 3 a quarter), one level
finer, because fiddle tunes are full of thirty-seconds.
"""

from fractions import Fraction

DIVISIONS = (8, 6)
"""An onset is moved to the nearest multiple of 1/8 or of 1/6 quarter note, the nearer of the two."""

ARTICULATION_GAP = Fraction(1, 4)
"""A silence shorter than this between two notes of one voice (in quarter notes) is touch, not a written rest."""


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
