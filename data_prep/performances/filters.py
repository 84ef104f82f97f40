"""The rules by which performances are left out, each with the value that broke it.

A performance is used if one piano plays it in 4/4 throughout, with velocities of a human player (a sequencer has few),
and with onsets that are known in beats. Where a file has neither several tempos nor annotated beats, its ticks may not
be musical time: recordings are often stored under one dummy tempo. Then onsets are anywhere between the lines of a
grid, and the share near a line is that of chance.

Measured on 175 real performances on a grid of beats, and on each once more under one dummy tempo of 120, with onsets by
their seconds: of the latter the greatest share on any grid is .60 to .675 (median .617), of the former .67 to .99
(median .904). MIN_NEAR_SHARE finds all 175 dummies; of the others it would refuse 5, had these one tempo only, and
refuses none, for they have many.
"""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data_prep.grid import too_long
from data_prep.performances.arrays import Performance
from data_prep.performances.reader import PlayedFile
from data_prep.readers.beats import BEATS_PER_BAR, Beats
from data_prep.wording import counted

MIN_VELOCITIES = 20
"""Distinct velocities of a performance by hand (the bound of Malik and Ek 2017)."""

MIN_NOTES = 32
"""A performance with fewer notes is too short to learn dynamics from."""

NEAR = 0.3
"""How near an onset is to a line of a grid, in cells; 0.6 of all are there by chance."""

GRIDS = (4, 3, 8, 6)
"""Lines in a quarter note: sixteenths, triplets of eighths, and both once more divided, because written music is
exact."""

MIN_NEAR_SHARE = 0.7
"""Of onsets near a line, on the grid that fits best; below it a single tempo is a dummy."""


def near_share(onset: NDArray[np.float64], lines: int) -> float:
    """Return the share of onsets within NEAR of a line of a grid with a given number of lines in a quarter note."""
    place = onset * lines
    return float(np.mean(np.abs(place - np.rint(place)) < NEAR))


def broken_rule(file: PlayedFile, performance: Performance, beats: Beats | None) -> tuple[str, str] | None:
    """Return the first rule that leaves a performance out.

    Args:
        file: What was read.
        performance: Its notes on the beats that count.
        beats: Annotated beats, where there are any.

    Returns:
        The rule's name and the reason in one line, or None.
    """
    for name, rule in RULES.items():
        reason = rule(file, performance, beats)
        if reason is not None:
            return name, reason
    return None


def _of_a_wrong_format(file: PlayedFile, _performance: Performance, _beats: Beats | None) -> str | None:
    return None if file.format in (0, 1) else f"format {file.format}; only formats 0 and 1 are used"


def _with_others(file: PlayedFile, _performance: Performance, _beats: Beats | None) -> str | None:
    return f"{', '.join(file.others)} beside the piano; only one piano alone is used" if file.others else None


def _in_another_metre(file: PlayedFile, _performance: Performance, beats: Beats | None) -> str | None:
    return _metre_of_ticks(file) if beats is None else _metre_of_beats(beats)


def _metre_of_ticks(file: PlayedFile) -> str | None:
    for metre in file.metres:
        bars, inside = divmod(max(metre.onset - file.pickup, Fraction(0)), BEATS_PER_BAR)
        if metre[1:] != (4, 4):
            return f"{metre.beats}/{metre.unit} from bar {bars + 1}; only 4/4 is used"
        if inside:
            return f"a time signature inside bar {bars + 1}; only whole bars of 4/4 are used"
    return None


def _metre_of_beats(beats: Beats) -> str | None:
    for index, metre in beats.metres:
        if metre != "4/4":
            return f"{metre} from bar {beats.bar_of(index)}; only 4/4 is used"
    if "bR" in beats.kind:
        return f"a free rhythm in bar {beats.bar_of(beats.kind.index('bR'))}; only 4/4 is used"
    for begin, end in pairwise(beats.downbeats):
        if end - begin != BEATS_PER_BAR:
            return f"{counted(end - begin, 'beat')} in bar {beats.bar_of(begin)}; only 4/4 is used"
    return None


def _of_few_velocities(_file: PlayedFile, performance: Performance, _beats: Beats | None) -> str | None:
    distinct = len(np.unique(performance.velocity))
    return (
        f"{counted(distinct, 'distinct velocity')}; at least {MIN_VELOCITIES} are needed"
        if distinct < MIN_VELOCITIES
        else None
    )


def _of_a_dummy_tempo(file: PlayedFile, performance: Performance, beats: Beats | None) -> str | None:
    if beats is not None or len(file.tempos) > 1:
        return None
    share = max(near_share(performance.onset, lines) for lines in GRIDS)
    if share >= MIN_NEAR_SHARE:
        return None
    return (
        f"its tempo is a dummy: one tempo throughout, and {share:.0%} of the onsets near the lines of a grid, where "
        f"chance puts {2 * NEAR:.0%} and {MIN_NEAR_SHARE:.0%} are needed; put its beats beside it, "
        "as X_annotations.txt beside X.mid"
    )


def _of_few_notes(_file: PlayedFile, performance: Performance, _beats: Beats | None) -> str | None:
    count = performance.num_notes
    return f"{counted(count, 'note')}; at least {MIN_NOTES} are needed" if count < MIN_NOTES else None


def _of_too_many_bars(_file: PlayedFile, performance: Performance, _beats: Beats | None) -> str | None:
    return too_long(performance.quarters)


RULES: dict[str, Callable[[PlayedFile, Performance, Beats | None], str | None]] = {
    "not of format 0 or 1": _of_a_wrong_format,
    "other instruments": _with_others,
    "not in 4/4": _in_another_metre,
    "few velocities": _of_few_velocities,
    "dummy tempo": _of_a_dummy_tempo,
    "few notes": _of_few_notes,
    "too long": _of_too_many_bars,
}
"""Each rule by its name, in the order in which they are applied: the reason against a performance, or None."""
