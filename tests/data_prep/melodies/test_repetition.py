"""Precedents, compared with a naive search."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data_prep.melodies.repetition import LONGEST, Precedents, find_precedents
from data_prep.randomness import stream

PIECES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=3)


def slowly(piece: list[int], t: int, longest: int) -> tuple[int, int, int, int]:
    """Try every length from the longest down, and collect the events that followed."""
    for length in range(min(t - 1, longest), -1, -1):
        recent = piece[t - length : t]
        followers = [piece[s] for s in range(length, t) if piece[s - length : s] == recent]
        if followers:
            top = max(map(followers.count, followers))
            return length, len(followers), top, followers.count(piece[t])
    return -1, 0, 0, 0


def rows(precedents: Precedents) -> list[tuple[int, ...]]:
    columns = (precedents.length, precedents.votes, precedents.top, precedents.hits)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(PIECES)
def test_precedents_are_the_longest_repetitions(pieces: list[list[int]]) -> None:
    start = np.cumsum([0, *map(len, pieces)])
    precedents = find_precedents(np.concatenate([np.array(piece, np.int64) for piece in pieces]), start)
    assert rows(precedents) == [slowly(piece, t, LONGEST) for piece in pieces for t in range(len(piece))]


def test_the_length_of_matches_is_limited() -> None:
    random = stream(0, "a phrase")
    phrase = random.integers(4, size=LONGEST + 20).tolist()
    piece = [*phrase, 5, *phrase, 6, *phrase]
    precedents = find_precedents(np.array(piece), np.array([0, len(piece)]))
    assert rows(precedents) == [slowly(piece, t, LONGEST) for t in range(len(piece))]
    assert precedents.length.max() == LONGEST


def test_a_piece_without_notes_has_no_precedents() -> None:
    precedents = find_precedents(np.array([3, 3]), np.array([0, 0, 2, 2]))
    assert rows(precedents) == [(-1, 0, 0, 0), (0, 1, 1, 1)]
    assert rows(find_precedents(np.zeros(0, np.int64), np.array([0]))) == []


def test_a_worked_example() -> None:
    precedents = find_precedents(np.array([5, 7, 5, 7, 9, 5, 7, 9]), np.array([0, 8]))
    assert precedents.length.tolist() == [-1, 0, 0, 1, 2, 0, 1, 2]
    # after 5 7 | 5 7 9 | 5 7, the last 5 7 was followed by 5 once and by 9 once
    assert precedents.share.tolist() == [0, 0, 1 / 2, 1, 0, 2 / 5, 1, 1 / 2]
