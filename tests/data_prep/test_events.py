"""Events, the share of unseen ones and the base distribution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.events import base_distribution, event_ids, num_events, unseen_share
from data_prep.melodies import REST

EVENTS = st.lists(st.integers(0, num_events(3) - 1), min_size=1, max_size=40).map(lambda ids: np.array(ids, np.int64))


def test_every_pitch_and_duration_has_an_id_of_its_own() -> None:
    pitch = np.repeat(np.array([*range(128), REST], np.int16), 3)
    duration = np.tile(np.arange(3, dtype=np.int16), 129)
    assert sorted(event_ids(pitch, duration, 3)) == list(range(num_events(3)))


def test_unseen_share_is_good_turing() -> None:
    assert unseen_share(np.array([5, 5, 5, 7, 7, 9, 2, 1])) == 3 / 8


@pytest.mark.parametrize(("events", "share"), [([1, 1, 2, 2], 1 / 8), ([1, 2, 3, 4], 1 / 2)])
def test_unseen_share_leaves_both_sides_something(events: list[int], share: float) -> None:
    assert unseen_share(np.array(events)) == share


@given(EVENTS)
def test_base_distribution_is_the_product_of_add_one_marginals(events: np.ndarray) -> None:
    base = base_distribution(events, 3)
    assert base.sum() == pytest.approx(1, abs=1e-12)
    for pitch, duration in [(0, 0), (60, 1), (128, 2)]:
        p_pitch = (sum(event // 3 == pitch for event in events) + 1) / (len(events) + 129)
        p_duration = (sum(event % 3 == duration for event in events) + 1) / (len(events) + 3)
        assert base[pitch * 3 + duration] == pytest.approx(p_pitch * p_duration)
