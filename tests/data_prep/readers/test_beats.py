"""Tests of annotated beats, and of their conversion to quarter notes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.readers.beats import BEATS_PER_BAR, SHORTEST_BEAT, read


def _text(seconds: list[float], first_downbeat: int = 0) -> str:
    return "".join(
        f"{second}\t{second}\t{'db' if (index - first_downbeat) % BEATS_PER_BAR == 0 else 'b'}\n"
        for index, second in enumerate(seconds)
    )


def test_kinds_metres_and_bars_are_parsed() -> None:
    beats = read("0.5\t0.5\tb\n1.0\t1.0\tdb,4/4,-1\n\n1.5\t1.5\tbR\n2.0\t2.0\tdb,,2\n2.5\t2.5\tdb,3/4\n")
    assert beats.second.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert beats.kind == ("b", "db", "bR", "db", "db")
    assert beats.metres == ((1, "4/4"), (4, "3/4"))
    assert [beats.bar_of(index) for index in range(5)] == [1, 1, 1, 2, 3]


def test_the_first_downbeat_begins_a_bar_and_no_time_is_negative() -> None:
    beats = read(_text([1.0, 2.0, 4.0, 5.0, 6.0, 7.0], first_downbeat=2))
    quarters, ends = beats.quarters(np.array([0.0, 1.0, 3.0, 4.0, 4.5, 9.0]), np.array([0.5, 1.5, 3.5, 4.5, 4.75, 9.5]))
    # the first downbeat is at 4 s, and the note at 0 s is three quarter notes before it, so one bar precedes it
    assert quarters.tolist() == [1.0, 2.0, 3.5, 4.0, 4.5, 9.0]
    assert ends.tolist() == [1.5, 2.5, 3.75, 4.5, 4.75, 9.5]


@given(
    st.lists(st.floats(SHORTEST_BEAT * 1.01, 3), min_size=2, max_size=30),
    st.integers(0, 3),
    st.lists(st.floats(-5, 100), min_size=1, max_size=20),
)
def test_quarters_are_linear_between_beats_and_monotonic(
    intervals: list[float], first: int, times: list[float]
) -> None:
    seconds = np.cumsum(intervals).tolist()
    first = min(first, len(seconds) - 1)
    beats = read(_text(seconds, first))
    second = np.sort(np.array(times))
    quarters, on_beats, between = beats.quarters(
        second, np.array(seconds), (np.array(seconds)[1:] + np.array(seconds)[:-1]) / 2
    )
    assert np.all(np.diff(quarters) >= 0)
    assert quarters.min() >= 0
    assert np.allclose(np.diff(on_beats), 1)
    assert np.allclose(between, on_beats[:-1] + 0.5)
    assert abs(on_beats[first] / BEATS_PER_BAR - round(on_beats[first] / BEATS_PER_BAR)) < 1e-6


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0\t0\tdb\n1\t1\tx\n", "line 2 of its annotations is not a beat .*'1\\\\t1\\\\tx'"),
        ("0\t0\tdb\nsoon\t1\tb\n", "line 2 of its annotations is not a beat"),
        ("nan\t0\tdb\n1\t1\tb\n", "line 1 of its annotations is not a beat"),
        ("0 0 db\n", "line 1 of its annotations is not a beat"),
        ("", "two beats or more"),
        ("0\t0\tdb\n", "two beats or more"),
        ("0\t0\tb\n1\t1\tb\n", "one of them a downbeat"),
        ("0\t0\tdb\n1\t1\tb\n1.01\t1\tb\n", r"at least 0\.05 s apart: 1\.000 s, 1\.010 s"),
        ("1\t1\tdb\n0\t0\tb\n", "apart"),
    ],
)
def test_invalid_annotations_are_rejected(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(text)
