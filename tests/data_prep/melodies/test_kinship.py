"""Duplicates and groups of related pieces."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.melodies.kinship import (
    BEGINNING,
    MIN_DISTINCT,
    PERFORMED_DISTINCT,
    PERFORMED_RUN,
    PERFORMED_SHARE,
    RUN,
    beginning,
    compositions,
    contents,
    groups,
    setting_title,
)
from data_prep.readers.notes import Piece

TUNE = [60, 62, 64, 65, 62, 67, 71, 72, 69, 65, 64, 60, 59, 62, 66, 67, 74, 70]


def test_a_transposed_variant_is_related(piece: Callable[..., Piece]) -> None:
    other = [50, 57] + [pitch + 5 for pitch in TUNE] + [40]
    stranger = [60, 67, 61, 70, 64, 64, 50, 62, 70, 71, 59, 48, 60, 63, 61, 80, 81, 60, 59]
    assert groups([piece(TUNE), piece(stranger), piece(other)], []) == [0, 1, 0]


def test_rests_grace_notes_and_rhythm_do_not_affect_the_groups(piece: Callable[..., Piece]) -> None:
    pitches = [*TUNE[:5], -1, *TUNE[5:]]
    durations = [Fraction(1, 2)] * 3 + [Fraction(0)] + [Fraction(2)] * (len(pitches) - 3)
    ornamented = piece([*pitches[:3], 77, *pitches[3:]], durations)
    assert groups([piece(TUNE), ornamented], []) == [0, 0]


def test_the_relation_is_transitive(piece: Callable[..., Piece]) -> None:
    first, second = TUNE, [p + 1 for p in reversed(TUNE)]
    assert groups([piece(first), piece(second), piece([*first, *second])], []) == [0, 0, 0]


def test_scales_and_repeated_notes_are_no_evidence(piece: Callable[..., Piece]) -> None:
    scale = list(range(40, 40 + RUN + 5))
    drone = [60, 62] * RUN
    assert groups([piece(scale), piece(scale), piece(drone), piece(drone)], []) == [0, 1, 2, 3]


def test_equal_labels_relate_pieces(piece: Callable[..., Piece]) -> None:
    three = [piece([60 + i, 61, 62]) for i in range(3)]
    assert groups(three, [["a", "b", "a"]]) == [0, 1, 0]
    assert groups(three, [["a", "b", "a"], [None, "x", "x"]]) == [0, 0, 0]
    assert groups(three, [[None, None, None]]) == [0, 1, 2]


def _naive_runs(pitches: list[int], run: int = RUN, distinct: int = MIN_DISTINCT) -> set[tuple[int, ...]]:
    intervals = [b - a for a, b in pairwise(pitches)]
    windows = {tuple(intervals[i : i + run]) for i in range(len(intervals) - run + 1)}
    return {window for window in windows if len(set(window)) >= distinct}


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_groups_equal_those_of_a_naive_search(piece: Callable[..., Piece], seed: int) -> None:
    draw = np.random.default_rng(seed)
    phrases = [draw.integers(55, 80, 16).tolist() for _ in range(4)]
    tunes = [
        [pitch for _ in range(draw.integers(1, 4)) for pitch in phrases[draw.integers(4)]][draw.integers(12) :]
        for _ in range(8)
    ]
    runs = [_naive_runs(tune) for tune in tunes]
    related = [[bool(a & b) or i == j for j, b in enumerate(runs)] for i, a in enumerate(runs)]
    reach = np.linalg.matrix_power(np.array(related, np.int64), len(tunes)) > 0
    assert groups([piece(tune) for tune in tunes], []) == [int(np.argmax(row)) for row in reach]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_compositions_equal_those_of_a_naive_search(seed: int) -> None:
    draw = np.random.default_rng(seed)
    phrases = draw.integers(55, 80, (12, 14))
    lines = [phrases[draw.integers(12, size=draw.integers(1, 9))].ravel() for _ in range(10)]
    runs = [_naive_runs(line.tolist(), PERFORMED_RUN, PERFORMED_DISTINCT) for line in lines]
    related = [
        [i == j or len(a & b) > max(1, PERFORMED_SHARE * min(len(a), len(b))) for j, b in enumerate(runs)]
        for i, a in enumerate(runs)
    ]
    reach = np.linalg.matrix_power(np.array(related, np.int64), len(lines)) > 0
    assert compositions(lines, []) == [int(np.argmax(row)) for row in reach]


def test_equal_labels_relate_performances() -> None:
    lines = [np.array([60, 61]), np.array([70]), np.array([80, 60])]
    assert compositions(lines, [["x", None, "x"]]) == [0, 1, 0]
    assert compositions([], []) == []


def test_duplicates_are_found_by_their_beginning(piece: Callable[..., Piece]) -> None:
    long = list(range(40, 40 + BEGINNING))
    assert beginning(piece([*long, 60])) == beginning(piece([*long, 70, 71]))
    assert beginning(piece(long[:-1])) != beginning(piece(long))
    assert contents(piece([60, 62])) == contents(piece([60, 62]))
    assert contents(piece([60, 62])) != contents(piece([60, 62], [1, 2]))


@pytest.mark.parametrize(
    ("title", "same"),
    [
        ("The Blackbird", "Blackbird (3rd setting)"),
        ("Post Office, The", "THE POST OFFICE"),
        ("Chief O'Neill's Hornpipe.", "Chief ONeills hornpipe"),
    ],
)
def test_titles_of_settings(title: str, same: str) -> None:
    assert setting_title(title) == setting_title(same) != ""


def test_numbers_in_titles_distinguish_tunes() -> None:
    assert setting_title("Quick Step 25th Regt.") != setting_title("Quick Step 37th Regt.")


def test_two_transcriptions_of_one_tune_are_related(oneills: Callable[[str, str], Piece]) -> None:
    # the number ranges of the files overlap: 981 is in two of them, in different keys
    setting, other = oneills("0951-0981.abc", "981"), oneills("0981-1000.abc", "981")
    assert groups([setting, other], [["981", "981"]]) == [0, 0]
    assert setting_title(setting.heading.title) == setting_title(other.heading.title) == "short grass"
