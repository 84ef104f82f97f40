"""Piano performances as flat arrays: the prepared form that every velocity trial reads, one copy in shared memory.

Symbols: P performances, N notes of all performances together, n notes of one performance.
The notes of performance p are rows ``start[p]:start[p + 1]``.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

_SECONDS_PER_QUARTER = 0.5
"""The tempo of a performance whose notes all begin at once."""


@dataclass(frozen=True)
class Performance:
    """A performance as read; rows are sorted by (tick, pitch).

    Attributes:
        pitch: [n] int16, MIDI pitch.
        velocity: [n] int16, 1..127.
        onset: [n] float64, quarter notes from the beginning of the file's first bar.
        duration: [n] float64, quarter notes, positive.
        seconds: [n] float64, seconds of the onset.
        tick: [n] int64, ticks of the onset in the file.
    """

    pitch: NDArray[np.int16]
    velocity: NDArray[np.int16]
    onset: NDArray[np.float64]
    duration: NDArray[np.float64]
    seconds: NDArray[np.float64]
    tick: NDArray[np.int64]

    @property
    def num_notes(self) -> int:
        """Number of notes n."""
        return len(self.pitch)

    @property
    def end_seconds(self) -> NDArray[np.float64]:
        """[n] seconds of the notes' ends: linear between onsets, and beyond the last one at the mean tempo."""
        onsets, first = np.unique(self.onset, return_index=True)
        times, ends = self.seconds[first], self.onset + self.duration
        span = float(np.ptp(onsets)) if len(onsets) else 0.0
        per_quarter = float(np.ptp(times)) / span if span else _SECONDS_PER_QUARTER
        return np.interp(ends, onsets, times) + per_quarter * np.maximum(ends - onsets[-1], 0)

    @property
    def quarters(self) -> float:
        """Quarter notes to the end of the last note."""
        return float((self.onset + self.duration).max(initial=0.0))


@dataclass(frozen=True)
class Performances:
    """The performances that a search may use (never those of the test set), with their folds.

    All arrays are read-only; the rows of a performance are sorted by (onset, pitch).

    Attributes:
        pitch: [N] int16, MIDI pitch 0..127.
        velocity: [N] int16, MIDI velocity 1..127.
        onset: [N] float64, quarter notes from the beginning of the performance's first bar; its metre is 4/4.
        duration: [N] float64, quarter notes, positive.
        seconds: [N] float64, seconds of the onset.
        start: [P + 1] int64, offsets of the performances.
        fold: [P] int8, the fold that holds the performance out, 0..num_folds-1; num_folds if no fold does and all train
            on it; -1 in the test set.
        style: [P] int16, index into ``styles``.
        composition: [P] int32, number of the composition.
        styles: Names of the styles, sorted.
        ids: [P] names of the performances in the corpus.
        num_folds: Number of folds.
        fingerprint: Fingerprint of the inputs.
        corpus: Name or folder of the corpus, as the user wrote it.
    """

    OF_PIECES: ClassVar = frozenset({"fold", "style", "composition"})
    """The arrays with a row for each performance."""

    pitch: NDArray[np.int16]
    velocity: NDArray[np.int16]
    onset: NDArray[np.float64]
    duration: NDArray[np.float64]
    seconds: NDArray[np.float64]
    start: NDArray[np.int64]
    fold: NDArray[np.int8]
    style: NDArray[np.int16]
    composition: NDArray[np.int32]
    styles: tuple[str, ...]
    ids: tuple[str, ...]
    num_folds: int
    fingerprint: str
    corpus: str

    @property
    def num_pieces(self) -> int:
        """Number of performances P."""
        return len(self.ids)

    @property
    def num_notes(self) -> int:
        """Number of notes N."""
        return len(self.pitch)

    @property
    def piece_of_note(self) -> NDArray[np.int64]:
        """[N] performance of each note."""
        return np.repeat(np.arange(self.num_pieces), np.diff(self.start))

    def one(self, number: int) -> Performance:
        """Return a single performance, with row numbers instead of the ticks of its file."""
        part = slice(int(self.start[number]), int(self.start[number + 1]))
        names = ("pitch", "velocity", "onset", "duration", "seconds")
        columns = {name: getattr(self, name)[part] for name in names}
        return Performance(**columns, tick=np.arange(part.stop - part.start))
