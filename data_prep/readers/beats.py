"""Annotated beats, as the ASAP dataset writes them beside a performance, and from seconds to quarter notes by them.

A file X_annotations.txt beside X.mid has one line a beat: its seconds, these once more, and a label, parted by tabs.
The label is b (a beat), db (a downbeat) or bR (a beat of a free rhythm), and may continue with a metre and a key, as in
"db,4/4,-1".

Source: F. Foscarin et al., "ASAP: a dataset of aligned scores and performances for piano transcription", ISMIR 2020.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BEATS_PER_BAR = 4
"""In 4/4, where a beat is a quarter note."""

SHORTEST_BEAT = 0.05
"""Seconds; faster beats are an error of the annotation (1200 beats a minute)."""

LATEST = 1_000_000
"""Seconds from the beginning, before or after: about eleven days."""

SUFFIX = "_annotations.txt"
"""The ending that replaces that of the performance."""

_KINDS = ("b", "db", "bR")


@dataclass(frozen=True)
class Beats:
    """The beats of one performance.

    Attributes:
        second: [b] float64, ascending.
        kind: [b] "b", "db" or "bR".
        metres: (index of the beat, metre as written) wherever one is.
    """

    second: NDArray[np.float64]
    kind: tuple[str, ...]
    metres: tuple[tuple[int, str], ...]

    @property
    def downbeats(self) -> list[int]:
        """Indices of the downbeats."""
        return [index for index, kind in enumerate(self.kind) if kind == "db"]

    def bar_of(self, beat: int) -> int:
        """Return the number, from 1, of a beat's bar; anything before the first downbeat is in bar 1 too."""
        return max(1, sum(downbeat <= beat for downbeat in self.downbeats))

    def quarters(self, second: NDArray[np.float64], *more: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Return the quarter notes of times, linearly between beats, and beyond them at the pace of the outermost two.

        Args:
            second: [n] seconds, with the earliest time of all.
            *more: Further arrays of seconds.

        Returns:
            Each array in quarter notes from the beginning of a bar, none of them negative; the first downbeat begins a
            bar.
        """
        first = self.downbeats[0]
        places = [self._place(array) - first for array in (second, *more)]
        bars_before = max(0, math.ceil(-float(places[0].min(initial=0)) / BEATS_PER_BAR))
        return tuple(place + BEATS_PER_BAR * bars_before for place in places)

    def _place(self, second: NDArray[np.float64]) -> NDArray[np.float64]:
        index = np.clip(np.searchsorted(self.second, second, "right") - 1, 0, len(self.second) - 2)
        begin, end = self.second[index], self.second[index + 1]
        return index + (second - begin) / (end - begin)


def read(text: str) -> Beats:
    """Read annotated beats.

    Args:
        text: The file's contents.

    Returns:
        The beats.

    Raises:
        ValueError: If a line is no beat within LATEST, there are no two beats or no downbeat, or the seconds do not
            ascend by at least SHORTEST_BEAT.
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
        if not abs(second) <= LATEST or kind not in _KINDS:
            raise ValueError(
                f"line {number} of its annotations is no beat (seconds, seconds, and b, db or bR, parted by tabs): "
                f"{line[:40]!r}"
            )
        if rest and rest[0]:
            metres.append((len(seconds), rest[0]))
        seconds.append(second)
        kinds.append(kind)
    if not seconds[1:] or "db" not in kinds:
        raise ValueError("its annotations must have two beats or more, one of them a downbeat (db)")
    for before, after in pairwise(seconds):
        if after - before < SHORTEST_BEAT:
            raise ValueError(
                f"its annotated beats must follow one another by {SHORTEST_BEAT} s or more: "
                f"{before:.3f} s and {after:.3f} s do not"
            )
    return Beats(np.array(seconds), tuple(kinds), tuple(metres))
