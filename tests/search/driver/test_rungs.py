# Ray is partly untyped:
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.tune.schedulers import ASHAScheduler

from search.driver.rungs import expected_epochs, expected_trials, rungs


@given(st.integers(1, 20), st.integers(2, 5), st.integers(1, 500))
def test_rungs_lie_where_ray_puts_them(first: int, reduction: int, epochs: int) -> None:
    own = rungs(first, reduction, epochs)
    assert all(after == before * reduction for before, after in pairwise(own))
    if first <= epochs:
        bracket = ASHAScheduler(max_t=epochs, grace_period=first, reduction_factor=reduction)._brackets[0]
        assert own == tuple(sorted(int(milestone) for milestone, _ in bracket._rungs if milestone < epochs))


def test_each_rung_lets_its_share_pass() -> None:
    assert expected_trials(3, 3, 27, 54) == ((3, 54.0), (9, 18.0), (27, 6.0))
    assert expected_epochs(3, 3, 27, 54) == 3 * 54 + 6 * 18 + 18 * 6


def test_at_least_one_trial_reaches_the_end() -> None:
    assert expected_trials(1, 3, 81, 5)[-1] == (81, 1.0)
    assert expected_trials(9, 3, 9, 5) == ((9, 5.0),)
    assert expected_epochs(9, 3, 9, 5) == pytest.approx(45)
