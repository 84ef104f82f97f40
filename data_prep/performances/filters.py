"""Rules that exclude performances, each with the value that breaks it.

A performance is used if a single piano plays it in 4/4 throughout, with the velocities of a human player (a sequencer
uses few), and if its onsets are known in beats. If a file has neither several tempos nor annotated beats, its ticks may
not be musical time, because recordings are often stored with a dummy tempo. The share of onsets near a line of a grid
is then that of random onsets.

Measured on 175 real performances: with known beats, the greatest share on any grid is .67 to .99 (median .904); with a
dummy tempo of 120 and the same onsets in seconds, it is .60 to .675 (median .617). MIN_NEAR_SHARE detects all 175 dummy
tempos. It would wrongly exclude 5 performances with known beats if they had only one tempo, but they have several.
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
"""Distinct velocities of a human performance (the bound of Malik and Ek 2017)."""

MIN_NOTES = 32
"""A performance with fewer notes is too short to learn dynamics from."""

NEAR = 0.3
"""Distance in cells within which an onset is near a line of a grid; 60 % of random onsets are."""

GRIDS = (4, 3, 8, 6)
"""Lines per quarter note: sixteenths, eighth-note triplets, and both divided again, because written music is exact."""

MIN_NEAR_SHARE = 0.7
"""Share of onsets near a line on the grid that fits best, below which a single tempo is a dummy."""


def near_share(onset: NDArray[np.float64], lines: int) -> float:
    """Return the share of onsets within NEAR cells of a line, on a grid with ``lines`` lines per quarter note."""
    place = onset * lines
    return float(np.mean(np.abs(place - np.rint(place)) < NEAR))


def broken_rule(file: PlayedFile, performance: Performance, beats: Beats | None) -> tuple[str, str] | None:
    """Return the first rule that excludes a performance.

    Args:
        file: The file as read.
        performance: The notes, in quarter notes by the annotated beats if there are any.
        beats: The annotated beats, if any.

    Returns:
        The rule's name and the reason in one line, or None.
    """
    for name, rule in RULES.items():
        reason = rule(file, performance, beats)
        if reason is not None:
            return name, reason
    return None


def _wrong_format(file: PlayedFile, _performance: Performance, _beats: Beats | None) -> str | None:
    return None if file.format in (0, 1) else f"format {file.format}; only formats 0 and 1 are used"


def _other_instruments(file: PlayedFile, _performance: Performance, _beats: Beats | None) -> str | None:
    return f"{', '.join(file.others)} in addition to the piano; only a single piano is used" if file.others else None


def _other_metre(file: PlayedFile, _performance: Performance, beats: Beats | None) -> str | None:
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


def _few_velocities(_file: PlayedFile, performance: Performance, _beats: Beats | None) -> str | None:
    distinct = len(np.unique(performance.velocity))
    return (
        f"{counted(distinct, 'distinct velocity')}; at least {MIN_VELOCITIES} are needed"
        if distinct < MIN_VELOCITIES
        else None
    )


def _dummy_tempo(file: PlayedFile, performance: Performance, beats: Beats | None) -> str | None:
    if beats is not None or len(file.tempos) > 1:
        return None
    share = max(near_share(performance.onset, lines) for lines in GRIDS)
    if share >= MIN_NEAR_SHARE:
        return None
    return (
        f"its tempo is a dummy: one tempo throughout, and {share:.0%} of the onsets near the lines of a grid, where "
        f"chance puts {2 * NEAR:.0%} and {MIN_NEAR_SHARE:.0%} are needed; add its beats, "
        "as X_annotations.txt next to X.mid"
    )


def _few_notes(_file: PlayedFile, performance: Performance, _beats: Beats | None) -> str | None:
    count = performance.num_notes
    return f"{counted(count, 'note')}; at least {MIN_NOTES} are needed" if count < MIN_NOTES else None


def _too_long(_file: PlayedFile, performance: Performance, _beats: Beats | None) -> str | None:
    return too_long(performance.quarters)


RULES: dict[str, Callable[[PlayedFile, Performance, Beats | None], str | None]] = {
    "not of format 0 or 1": _wrong_format,
    "other instruments": _other_instruments,
    "not in 4/4": _other_metre,
    "few velocities": _few_velocities,
    "dummy tempo": _dummy_tempo,
    "few notes": _few_notes,
    "too long": _too_long,
}
"""Rules by name, in the order in which they are applied; each returns the reason for an exclusion, or None."""
