"""Annotated beats of performances in the ASAP dataset's format, and times in quarter notes derived from them.

X_annotations.txt annotates X.mid. Each line is a beat: the time in seconds, the same time again and a label, separated
by tabs. The label is b (beat), db (downbeat) or bR (beat in a free rhythm); a metre and a key may follow: "db,4/4,-1".

Source: F. Foscarin et al., "ASAP: a dataset of aligned scores and performances for piano transcription", ISMIR 2020.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BEATS_PER_BAR = 4
"""Beats in a bar of 4/4, where a beat is a quarter note."""

SHORTEST_BEAT = 0.05
"""Minimum time between beats (seconds); faster beats (over 1200 per minute) are annotation errors."""

LATEST = 1_000_000
"""Maximum distance of a beat from time 0 (seconds): about eleven days."""

SUFFIX = "_annotations.txt"
"""Replaces the suffix of a performance's file in the name of its annotations."""


@dataclass(frozen=True)
class Beats:
    """The beats of one performance.

    Attributes:
        second: [b] float64, time of each beat (seconds), ascending.
        kind: [b] "b", "db" or "bR".
        metres: (index of the beat, metre as written) for each beat with a metre.
    """

    second: NDArray[np.float64]
    kind: tuple[str, ...]
    metres: tuple[tuple[int, str], ...]

    @property
    def downbeats(self) -> list[int]:
        """Indices of the downbeats."""
        return [index for index, kind in enumerate(self.kind) if kind == "db"]

    def bar_of(self, beat: int) -> int:
        """Return the number of the bar that contains a beat; bar 1 includes all beats before the first downbeat."""
        return max(1, sum(downbeat <= beat for downbeat in self.downbeats))

    def quarters(self, second: NDArray[np.float64], *more: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Convert times to quarter notes by linear interpolation between beats, and extrapolation beyond them.

        Args:
            second: [n] times (seconds), among them the earliest of all.
            *more: Further arrays of times (seconds).

        Returns:
            Each array in quarter notes. Time 0 and the first downbeat each begin a bar, and no time is negative.
        """
        first = self.downbeats[0]
        quarters = [self._beat_at(array) - first for array in (second, *more)]
        bars_before = max(0, math.ceil(-float(quarters[0].min(initial=0)) / BEATS_PER_BAR))
        return tuple(array + BEATS_PER_BAR * bars_before for array in quarters)

    def _beat_at(self, second: NDArray[np.float64]) -> NDArray[np.float64]:
        index = np.clip(np.searchsorted(self.second, second, "right") - 1, 0, len(self.second) - 2)
        begin, end = self.second[index], self.second[index + 1]
        return index + (second - begin) / (end - begin)


def read(text: str) -> Beats:
    """Parse annotated beats.

    Args:
        text: Contents of the file.

    Returns:
        The beats.

    Raises:
        ValueError: If a line is not a beat within LATEST, there are fewer than two beats or no downbeat, or the times
            do not ascend by at least SHORTEST_BEAT.
    """
    seconds: list[float] = []
    kinds: list[str] = []
    metres: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        time, _, label = (*line.split("\t"), "", "")[:3]
        kind, *rest = [part.strip() for part in label.split(",")]
        try:
            second = float(time)
        except ValueError:
            second = math.nan
        if not abs(second) <= LATEST or kind not in {"b", "db", "bR"}:
            expected = "seconds, seconds, and b, db or bR, separated by tabs"
            raise ValueError(f"line {number} of its annotations is not a beat ({expected}): {line[:40]!r}")
        if rest and rest[0]:
            metres.append((len(seconds), rest[0]))
        seconds.append(second)
        kinds.append(kind)
    if not seconds[1:] or "db" not in kinds:
        raise ValueError("its annotations must have two beats or more, one of them a downbeat (db)")
    for before, after in pairwise(seconds):
        if after - before < SHORTEST_BEAT:
            raise ValueError(f"annotated beats must be at least {SHORTEST_BEAT} s apart: {before:.3f} s, {after:.3f} s")
    return Beats(np.array(seconds), tuple(kinds), tuple(metres))
