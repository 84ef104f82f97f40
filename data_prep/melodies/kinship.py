"""Group related pieces: duplicates, voices of one score, settings of one tune, variants that share a run.

Two pieces are near-duplicates if they share a run of RUN intervals (RUN + 1 notes, in any key and rhythm, about
two bars of a reel) with at least MIN_DISTINCT different intervals, because a shared scale or repeated note is no
evidence. The relation is transitive, so runs that are too short chain unrelated tunes through stock phrases. Largest
group for runs of 12 / 14 / 16: O'Neill's 931 plain tunes 37 / 5 / 4, all 2007 of them 827 / 16 / 7, Ryan's 1042 tunes
429 / 65 / 8.

Two performances are of one composition if their skylines (the highest note struck in each sixteenth) share enough
runs. Players make mistakes and ornaments differ, so these runs are shorter, and the criterion is the share of the runs
of the performance that has fewer. Measured on 175 performances of 61 compositions by name, with 265 pairs of one
composition: runs of 7 intervals, 5 of them different, of which more than 2 % (or 3 %) are shared, give exactly these
61 groups; more than 4 % give 262 pairs, all right; more than 1 % give all 265 and 136 wrong pairs. The criterion for
tunes gives 308 wrong pairs.
"""

import re
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from data_prep.grid import to_step
from data_prep.pitches import REST
from data_prep.readers.notes import Piece

RUN = 14
"""Intervals in a shared run of two tunes."""

MIN_DISTINCT = 3
"""Different intervals in such a run."""

PERFORMED_RUN = 7
"""Intervals in a shared run of two performances."""

PERFORMED_DISTINCT = 5
"""Different intervals in such a run."""

PERFORMED_SHARE = 0.02
"""Performances of one composition share more than this share of their runs, and more than one run."""

BEGINNING = 32
"""Pitches at the beginning by which two tunes are duplicates."""


def sounding_pitches(piece: Piece) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return [m] the pitches of a piece without rests and grace notes."""
    return piece.pitch[(piece.pitch != REST) & (piece.duration > 0)]


def beginning(piece: Piece) -> Hashable:
    """Return a key that is equal for tunes that begin with the same pitches."""
    return sounding_pitches(piece)[:BEGINNING].tobytes()


def contents(piece: Piece) -> Hashable:
    """Return a key that is equal for pieces with the same pitches and durations throughout."""
    timed = piece.duration > 0
    return piece.pitch[timed].tobytes(), piece.duration[timed].tobytes(), piece.resolution


def setting_title(title: str) -> str:
    """Reduce a title to the part that settings of one tune share: no remark in brackets, article or punctuation."""
    words = re.sub(r"\(.*?\)", " ", title.lower()).replace("'", "")
    return " ".join(word for word in re.findall(r"[^\W_]+", words) if word not in {"the", "a"})


def groups(pieces: Sequence[Piece], labels: Iterable[Sequence[Hashable]]) -> list[int]:
    """Group related pieces.

    Args:
        pieces: P pieces.
        labels: For each kind of label (score, number, title), the label of every piece, or None. Pieces with equal
            labels of one kind are related.

    Returns:
        [P] the group of each piece: the least index of its members.
    """
    return groups_of_lines([sounding_pitches(piece) for piece in pieces], labels)


def groups_of_lines(lines: Sequence[NDArray[np.integer]], labels: Iterable[Sequence[Hashable]]) -> list[int]:
    """Group related pieces as ``groups`` does, given the sounding pitches of each piece."""
    pairs, _ = _shared([runs(pitches) for pitches in lines])
    return _joined(len(lines), labels, pairs)


def skyline(onset: NDArray[np.float64], pitch: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return [m] the highest pitch struck in each sixteenth, of notes [n] in any order."""
    step = to_step(onset)
    order = np.lexsort((pitch, step))
    last = np.append(step[order][1:] != step[order][:-1], True)
    return pitch[order][last]


def compositions(skylines: Sequence[NDArray[np.integer]], labels: Iterable[Sequence[Hashable]]) -> list[int]:
    """Group performances by composition.

    Args:
        skylines: [P] skylines of the performances.
        labels: Labels of the performances, as in ``groups``.

    Returns:
        [P] the composition of each performance: the least index of its members.
    """
    of_performance = [runs(pitches, PERFORMED_RUN, PERFORMED_DISTINCT) for pitches in skylines]
    pairs, counts = _shared(of_performance)
    least = np.array([len(runs) for runs in of_performance], np.int64)[pairs].min(axis=1)
    enough = counts > np.maximum(1, PERFORMED_SHARE * least)
    return _joined(len(skylines), labels, pairs[enough])


def runs(pitches: NDArray[np.integer], length: int = RUN, min_distinct: int = MIN_DISTINCT) -> NDArray[np.uint64]:
    """Return the runs of intervals in a line of pitches.

    Args:
        pitches: [m] pitches.
        length: Intervals in a run.
        min_distinct: Least number of different intervals in a run.

    Returns:
        [r] hashes of the distinct runs, ascending.
    """
    intervals = np.diff(pitches.astype(np.int64))
    if len(intervals) < length:
        return np.array([], np.uint64)
    with np.errstate(over="ignore"):
        powers = np.uint64(1_000_003) ** np.arange(length, dtype=np.uint64)  # a polynomial hash modulo 2**64
    windows = sliding_window_view(intervals, length)
    distinct = 1 + np.count_nonzero(np.diff(np.sort(windows, axis=1), axis=1), axis=1)
    hashes = ((windows[distinct >= min_distinct] + 128).astype(np.uint64) * powers).sum(axis=1, dtype=np.uint64)
    return np.unique(hashes)


def _shared(runs_of: Sequence[NDArray[np.uint64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of owners that share runs, [k, 2], and the number of runs that they share, [k]."""
    run = np.concatenate([np.array([], np.uint64), *runs_of])
    owner = np.repeat(np.arange(len(runs_of)), [len(runs) for runs in runs_of])
    order = np.lexsort((owner, run))
    run, owner = run[order], owner[order]
    pairs: list[NDArray[np.int64]] = [np.empty((0, 2), np.int64)]
    for apart in range(1, len(runs_of)):
        shared = run[:-apart] == run[apart:]
        if not shared.any():
            break
        pairs.append(np.stack([owner[:-apart][shared], owner[apart:][shared]], axis=1))
    return np.unique(np.concatenate(pairs), axis=0, return_counts=True)


def _joined(count: int, labels: Iterable[Sequence[Hashable]], pairs: NDArray[np.int64]) -> list[int]:
    """Return the group of each item, the least index of its members, where pairs and equal labels join items."""
    parents = list(range(count))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    def join(a: int, b: int) -> None:
        a, b = root(a), root(b)
        parents[max(a, b)] = min(a, b)

    for kind in labels:
        first: dict[Hashable, int] = {}
        for index, label in enumerate(kind):
            if label is not None:
                join(first.setdefault(label, index), index)
    for a, b in pairs.tolist():
        join(a, b)
    return [root(index) for index in range(count)]
