"""Measures of composed tunes: key, leaps, scale runs, triplets, repetition, bars and ending.

Measures are of the composed notes only. Notes of the prompt count only as bars that can be repeated, as the first note
of a leap, and as the beginning of a triplet. A rest is not a note, and it ends a scale run.

Measures of repetition and extremes (leap, run, range, copy) increase with the length of a tune, so compare tunes of
similar length. The key is that of the tune; if it was estimated from the notes, it overstates the share of notes in
key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import count, pairwise
from math import lcm
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_prep.pitches import NUM_PITCHES, REST
from data_prep.tunes.copies import MIN_COPY
from data_prep.tunes.notation import Tune
from data_prep.wording import counted

Unit: TypeAlias = Literal["share", "semitones", "notes", "yes or no"]

Value: TypeAlias = float | None
"""Value of a measure: shares are 0..1 and yes is 1; None if a tune has nothing to measure."""

MIN_RUN = 4
"""Least number of notes in a scale run, which moves by step in one direction."""

_WIDEST_STEP = 2
"""Greatest interval of a step in semitones."""

LAGS = (1, 2, 4, 8, 16)
"""Distances in bars at which a tune is compared with itself."""


@dataclass(frozen=True)
class Measure:
    """A measure of a tune.

    Attributes:
        title: Title.
        unit: Unit.
        meaning: Definition, as part of a sentence.
    """

    title: str
    unit: Unit
    meaning: str


MEASURES: Mapping[str, Measure] = {
    "in_key": Measure("notes in key", "share", "of the sounding time, the part in the scale of the key signature"),
    "ends_on_tonic": Measure("ends on the tonic", "yes or no", "whether the last note is the tonic of the key"),
    "largest_leap": Measure("largest leap", "semitones", "between consecutive notes, ignoring rests"),
    "range": Measure("range", "semitones", "from the lowest note to the highest"),
    "in_scale_runs": Measure(
        "notes in scale runs", "share", f"of the notes, those in {MIN_RUN} or more by step in one direction"
    ),
    "longest_scale_run": Measure("longest scale run", "notes", "by step in one direction, including the first note"),
    "notes_per_bar": Measure("notes per bar", "notes", "on average"),
    "complete_triplets": Measure(
        "complete triplets", "share", "of the triplet notes, those in groups that add up to a plain length"
    ),
    "bars_filled": Measure(
        "bars filled", "share", "of the bars, those that notes fill exactly; a last bar may lack the pickup"
    ),
    "bar_similarity": Measure(
        "bars like earlier",
        "share",
        "of the (onset, pitch) pairs in a bar or the most similar earlier bar, those in both, on average",
    ),
    "rhythm_similarity": Measure("rhythms like earlier", "share", "the same for onsets alone"),
    **{
        f"similarity_{lag}": Measure(
            f"like {counted(lag, 'bar')} back",
            "share",
            f"of the (onset, pitch) pairs in a bar or the bar {lag} earlier, those in both, on average",
        )
        for lag in LAGS
    },
    "longest_copy": Measure(
        "longest copy", "notes", "in a row that occur in one piece of the corpus, in any key, with the same durations"
    ),
    "copied": Measure("notes copied", "share", f"of the notes, those in such copies of {MIN_COPY} notes or more"),
}
"""Every measure by name, in the order in which they are reported."""


@dataclass(frozen=True)
class _Line:
    """A tune of n rows as arrays of whole ticks, so that every time is exact."""

    tune: Tune

    @cached_property
    def resolution(self) -> int:
        """Ticks per quarter note, such that all durations, the bar and the pickup are whole numbers of ticks."""
        times = {*self.tune.duration, self.tune.bar_length, self.tune.pickup}
        return lcm(*(time.denominator for time in times))

    def ticks(self, time: Fraction) -> int:
        """Convert a time to ticks."""
        return time.numerator * (self.resolution // time.denominator)

    @cached_property
    def pitch(self) -> NDArray[np.int64]:
        """[n] pitches."""
        return np.array(self.tune.pitch, np.int64)

    @cached_property
    def duration(self) -> NDArray[np.int64]:
        """[n] durations."""
        return np.array([self.ticks(duration) for duration in self.tune.duration], np.int64)

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """[n + 1] onsets, and the end of the last note."""
        return np.concatenate([[0], np.cumsum(self.duration)])

    @cached_property
    def bar(self) -> int:
        """Length of a full bar."""
        return self.ticks(self.tune.bar_length)

    @cached_property
    def pickup(self) -> int:
        """Length of the pickup."""
        return self.ticks(self.tune.pickup)

    @cached_property
    def sounding(self) -> NDArray[np.bool_]:
        """[n] False for a rest."""
        return self.pitch != REST

    @cached_property
    def composed(self) -> NDArray[np.bool_]:
        """[n] True for a composed note that is not a rest."""
        return self.sounding & (np.arange(len(self.pitch)) >= self.tune.num_prompt)


def measure(tune: Tune) -> dict[str, Value]:
    """Compute all measures of a tune except those of copies.

    Args:
        tune: The tune.

    Returns:
        The values by name; all are None if no note was composed.
    """
    line = _Line(tune)
    if not line.composed.any():
        return dict.fromkeys(_FUNCTIONS)
    return {name: function(line) for name, function in _FUNCTIONS.items()}


def _in_key(line: _Line) -> Value:
    inside = np.isin(line.pitch % 12, list(line.tune.scale))
    duration = line.duration[line.composed]
    return float(duration[inside[line.composed]].sum() / duration.sum())


def _ends_on_tonic(line: _Line) -> Value:
    return float(line.pitch[line.composed][-1] % 12 == line.tune.tonic)


def _largest_leap(line: _Line) -> Value:
    leaps = np.abs(np.diff(line.pitch[line.sounding]))[line.composed[line.sounding][1:]]
    return float(leaps.max()) if len(leaps) else None


def _range(line: _Line) -> Value:
    return float(np.ptp(line.pitch[line.composed]))


def _scale_runs(line: _Line) -> tuple[NDArray[np.bool_], int]:
    """Return [n] whether each note belongs to a scale run, and the number of composed notes in the longest run."""
    step = np.diff(line.pitch)
    steps = line.sounding[1:] & line.sounding[:-1] & (step != 0) & (np.abs(step) <= _WIDEST_STEP)
    direction = np.where(steps, np.sign(step), 0)
    runs = np.flatnonzero(np.diff(direction, prepend=0, append=0))  # where the direction changes
    belongs, longest = np.zeros(len(line.pitch), np.bool_), 1
    for begin, end in pairwise(runs.tolist()):
        if direction[begin]:
            longest = max(longest, int(line.composed[begin : end + 1].sum()))
            belongs[begin : end + 1] |= end + 1 - begin >= MIN_RUN
    return belongs, longest


def _in_scale_runs(line: _Line) -> Value:
    return float(_scale_runs(line)[0][line.composed].mean())


def _longest_scale_run(line: _Line) -> Value:
    return float(_scale_runs(line)[1])


def _notes_per_bar(line: _Line) -> Value:
    return float(line.composed.sum() * line.bar / line.duration[line.tune.num_prompt :].sum())


def _complete_triplets(line: _Line) -> Value:
    """Return the share of the triplet notes in complete groups, in which rests count too.

    The duration of a triplet note in quarter notes has a denominator divisible by 3.
    """
    third = 3 ** next(power for power in count() if line.resolution % 3 ** (power + 1))
    complete = np.zeros(len(line.pitch), np.bool_)
    begin = length = 0
    for index, duration in enumerate(line.duration.tolist()):
        if duration % third == 0:
            begin, length = index + 1, 0
            continue
        length += duration
        if length % third == 0:
            complete[begin : index + 1] = True
            begin = index + 1
    triplets = line.composed & (line.duration % third != 0)
    return float(complete[triplets].mean()) if triplets.any() else None


def _bars_filled(line: _Line) -> Value:
    end = int(line.edges[-1])
    lines = np.unique([0, *range(line.pickup or line.bar, end, line.bar), end])
    filled = np.isin(lines[:-1], line.edges) & np.isin(lines[1:], line.edges)
    last = end - int(lines[-2])
    filled[-1] &= last in {line.bar, line.bar - line.pickup} or (len(filled) == 1 and last == line.pickup)
    return float(filled[lines[1:] > line.edges[line.tune.num_prompt]].mean())


def _likeness(line: _Line, *, pitches: bool) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return [b] bars, [b, b] the Jaccard index of each with each earlier bar, else 0, and [b] which were composed.

    The bars are those in which notes begin, except the pickup. A bar is the set of its (onset, pitch) pairs, or of its
    onsets.
    """
    shift = line.bar - line.pickup if line.pickup else 0
    bar, place = np.divmod(line.edges[:-1] + shift, line.bar)
    chosen = line.sounding & ((bar > 0) | (line.pickup == 0))
    content = place * NUM_PITCHES + line.pitch if pitches else place
    bars, row = np.unique(bar[chosen], return_inverse=True)
    contents, column = np.unique(content[chosen], return_inverse=True)
    holds = np.zeros((len(bars), len(contents)))
    holds[row, column] = 1
    shared, size = holds @ holds.T, holds.sum(axis=1)
    likeness = np.tril(shared / (size[:, None] + size - shared), -1)
    return bars, likeness, np.isin(bars, bar[: line.tune.num_prompt], invert=True)


def _similarity(line: _Line, *, pitches: bool) -> Value:
    """Return the mean over bars of the greatest likeness with an earlier bar."""
    _, likeness, is_composed = _likeness(line, pitches=pitches)
    is_composed[:1] = False  # the first bar has no earlier one
    return float(likeness.max(axis=1, initial=0)[is_composed].mean()) if is_composed.any() else None


def _similarity_back(line: _Line, *, lag: int) -> Value:
    """Return the mean over bars of the likeness with the bar ``lag`` earlier, 0 if no note begins in that bar."""
    bars, likeness, is_composed = _likeness(line, pitches=True)
    compared = np.flatnonzero(is_composed & (bars - lag >= bars[:1]))
    if not len(compared):
        return None
    earlier = np.searchsorted(bars, bars[compared] - lag)
    exists = bars[earlier] == bars[compared] - lag
    return float(np.where(exists, likeness[compared, earlier], 0).mean())


_FUNCTIONS: Mapping[str, Callable[[_Line], Value]] = {
    "in_key": _in_key,
    "ends_on_tonic": _ends_on_tonic,
    "largest_leap": _largest_leap,
    "range": _range,
    "in_scale_runs": _in_scale_runs,
    "longest_scale_run": _longest_scale_run,
    "notes_per_bar": _notes_per_bar,
    "complete_triplets": _complete_triplets,
    "bars_filled": _bars_filled,
    "bar_similarity": partial(_similarity, pitches=True),
    "rhythm_similarity": partial(_similarity, pitches=False),
    **{f"similarity_{lag}": partial(_similarity_back, lag=lag) for lag in LAGS},
}
