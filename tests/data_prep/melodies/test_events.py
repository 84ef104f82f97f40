"""Events, the share of unseen ones and the base distribution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from data_prep.melodies.events import base_distribution, grid_pitch, num_events, unseen_share
from data_prep.pitches import REST

EVENTS = st.lists(st.integers(0, num_events(3) - 1), min_size=1, max_size=40).map(lambda ids: np.array(ids, np.int64))


def test_rests_are_the_last_pitch_of_the_grid() -> None:
    assert grid_pitch(np.array([0, 127, REST], np.int16)).tolist() == [0, 127, 128]
    assert num_events(3) == 129 * 3


@pytest.mark.parametrize(
    ("num_once", "num_seen", "share"), [(3, 8, 3 / 8), (0, 4, 1 / 4), (4, 4, 1 / 2), (0, 0, 1 / 2)]
)
def test_unseen_share_is_good_turing_within_bounds(num_once: int, num_seen: int, share: float) -> None:
    assert unseen_share(np.array(num_once), np.array(num_seen)) == share


@given(EVENTS)
def test_base_distribution_is_the_product_of_add_one_marginals(events: NDArray[np.int64]) -> None:
    counts = np.bincount(events, minlength=num_events(3))
    base = base_distribution(np.stack([counts, counts * 0]), 3)
    assert base.sum(axis=1) == pytest.approx([1, 1], abs=1e-12)
    assert base[1] == pytest.approx(np.full(num_events(3), 1 / num_events(3)))
    for pitch, duration in [(0, 0), (60, 1), (128, 2)]:
        p_pitch = (sum(event // 3 == pitch for event in events) + 1) / (len(events) + 129)
        p_duration = (sum(event % 3 == duration for event in events) + 1) / (len(events) + 3)
        assert base[0, pitch * 3 + duration] == pytest.approx(p_pitch * p_duration)
