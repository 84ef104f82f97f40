"""Precedents against a search by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data_prep.repetition import find_precedents

PIECES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=3)


def slowly(piece: list[int], t: int) -> tuple[int, float]:
    """Try every length from the longest down and collect what followed."""
    for length in range(t - 1, -1, -1):
        recent = piece[t - length : t]
        followers = [piece[s] for s in range(length, t) if piece[s - length : s] == recent]
        if followers:
            return length, followers.count(piece[t]) / len(followers)
    return -1, 0.0


@given(PIECES)
def test_precedents_are_the_longest_repetitions(pieces: list[list[int]]) -> None:
    start = np.cumsum([0, *map(len, pieces)])
    found = find_precedents(np.concatenate([np.array(piece, np.int64) for piece in pieces]), start)
    expected = [slowly(piece, t) for piece in pieces for t in range(len(piece))]
    assert list(zip(found.length.tolist(), found.share.tolist(), strict=True)) == expected


def test_a_worked_example() -> None:
    found = find_precedents(np.array([5, 7, 5, 7, 9, 5, 7, 9]), np.array([0, 8]))
    assert found.length.tolist() == [-1, 0, 0, 1, 2, 0, 1, 2]
    # after 5 7 | 5 7 9 | 5 7, the last 5 7 was followed by 5 once and by 9 once
    assert found.share.tolist() == [0, 0, 1 / 2, 1, 0, 2 / 5, 1, 1 / 2]
