"""Which pieces belong together: duplicates, voices of one score, settings of one tune, variants that share a run.

Two pieces are near-duplicates if they share a run of RUN intervals (RUN + 1 notes, whatever the key and rhythm, about
two bars of a reel) in which at least MIN_DISTINCT different intervals occur: a scale or a repeated note is no evidence.
Kinship is transitive, so too short a run chains unrelated tunes through stock phrases. Measured, largest group for runs
of 12 / 14 / 16: O'Neill's 953 plain tunes 35 / 5 / 5, all 2009 of them 771 / 15 / 7, Ryan's 1042 417 / 65 / 8.
"""

import re
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from data_prep.melodies import REST
from data_prep.notes import Piece

RUN = 14
"""Intervals in a shared run."""

MIN_DISTINCT = 3
"""Different intervals that a run must contain."""

BEGINNING = 32
"""Pitches at the beginning that make two tunes the same."""


def sounding_pitches(piece: Piece) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """[m] the pitches of a piece without rests and grace notes."""
    return piece.pitch[(piece.pitch != REST) & (piece.duration > 0)]


def beginning(piece: Piece) -> Hashable:
    """Give what two tunes have in common if they begin with the same pitches."""
    return sounding_pitches(piece)[:BEGINNING].tobytes()


def contents(piece: Piece) -> Hashable:
    """Give what two pieces have in common if they have the same pitches and durations throughout."""
    timed = piece.duration > 0
    return piece.pitch[timed].tobytes(), piece.duration[timed].tobytes(), piece.resolution


def setting_title(title: str) -> str:
    """Reduce a title to what settings of one tune share: no remark in brackets, article or punctuation."""
    words = re.sub(r"\(.*?\)", " ", title.lower()).replace("'", "")
    return " ".join(word for word in re.findall(r"[^\W_]+", words) if word not in {"the", "a"})


def groups(pieces: Sequence[Piece], labels: Iterable[Sequence[Hashable]]) -> list[int]:
    """Put every piece into a group of its kin.

    Args:
        pieces: The P pieces.
        labels: For each kind of label (score, number, title), every piece's; None labels nothing. Pieces with equal
            labels of one kind are kin.

    Returns:
        [P] each piece's group: the least index of its members.
    """
    parents = list(range(len(pieces)))

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
    for a, b in _sharing_a_run(pieces):
        join(a, b)
    return [root(index) for index in range(len(pieces))]


def _sharing_a_run(pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    """Give pairs of pieces that share a run, enough of them to connect all that do."""
    runs: list[np.ndarray[tuple[int], np.dtype[np.uint64]]] = []
    owners: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    with np.errstate(over="ignore"):
        powers = np.uint64(1_000_003) ** np.arange(RUN, dtype=np.uint64)  # a polynomial hash modulo 2**64
    for index, piece in enumerate(pieces):
        intervals = np.diff(sounding_pitches(piece).astype(np.int64))
        if len(intervals) < RUN:
            continue
        windows = sliding_window_view(intervals, RUN)
        ordered = np.sort(windows, axis=1)
        distinct = 1 + np.count_nonzero(np.diff(ordered, axis=1), axis=1)
        hashes = ((windows[distinct >= MIN_DISTINCT] + 128).astype(np.uint64) * powers).sum(axis=1, dtype=np.uint64)
        runs.append(np.unique(hashes))
        owners.append(np.full(len(runs[-1]), index, np.int64))
    if not runs:
        return []
    run, owner = np.concatenate(runs), np.concatenate(owners)
    order = np.lexsort((owner, run))
    run, owner = run[order], owner[order]
    shared = run[:-1] == run[1:]
    pairs = np.unique(np.stack([owner[:-1][shared], owner[1:][shared]], axis=1), axis=0)
    return [(int(a), int(b)) for a, b in pairs]
