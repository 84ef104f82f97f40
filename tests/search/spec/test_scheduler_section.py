# Ray is partly untyped:
# pyright: reportUnknownMemberType=false

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.tune.schedulers import ASHAScheduler

from search.private_apis import asha_rungs
from search.spec.scheduler_section import SCHEDULERS, Asha, FullBudget, Scheduler


@given(st.integers(1, 20), st.integers(2, 5), st.integers(1, 500))
def test_asha_saves_checkpoints_at_the_rungs_of_ray(first: int, reduction: int, epochs: int) -> None:
    own = Asha(first_rung=first, reduction=reduction).checkpoint_epochs(epochs)
    assert all(after == before * reduction for before, after in pairwise(own))
    if first <= epochs:
        rungs = asha_rungs(ASHAScheduler(max_t=epochs, grace_period=first, reduction_factor=reduction))
        assert own == tuple(sorted(milestone for milestone in rungs if milestone < epochs))


def test_each_rung_divides_the_expected_trials_by_the_reduction() -> None:
    asha = Asha(first_rung=3, reduction=3)
    assert asha.expected_trials(27, 54) == ((3, 54.0), (9, 18.0), (27, 6.0))
    assert asha.expected_epochs(27, 54) == 3 * 54 + 6 * 18 + 18 * 6
    assert asha.comparison_epoch(27) == 3
    assert asha.comparison_epoch(2) == 2


def test_other_folds_join_at_the_last_rung_and_only_trials_with_the_full_budget_train_them() -> None:
    asha = Asha(first_rung=1, reduction=3, folds_first=1)
    assert asha.first_folds(9) == (1, 3)
    assert asha.first_folds(1) is None, "there is no rung"
    assert Asha(first_rung=1, reduction=3).first_folds(9) is None
    num_stopped_after = {1: 36, 3: 12}
    early = sum(epochs * count / 4 for epochs, count in num_stopped_after.items())
    assert asha.expected_epochs(9, 54, num_folds=4) == pytest.approx(early + 9 * 6)


def test_at_least_one_trial_is_expected_to_reach_the_full_budget() -> None:
    assert Asha(first_rung=1, reduction=3).expected_trials(81, 5)[-1] == (81, 1.0)
    late = Asha(first_rung=9, reduction=3)
    assert late.expected_trials(9, 5) == ((9, 5.0),)
    assert late.expected_epochs(9, 5) == pytest.approx(45)


def test_without_a_scheduler_all_trials_reach_the_full_budget_and_are_compared_there() -> None:
    none = FullBudget()
    assert none.expected_trials(27, 54) == ((27, 54.0),)
    assert none.expected_epochs(27, 54) == 27 * 54
    assert none.comparison_epoch(27) == 27
    assert none.checkpoint_epochs(9) == (1, 2, 4, 8)
    assert none.checkpoint_epochs(1) == ()


@pytest.mark.parametrize("scheduler", [kind.model_validate({}) for kind in SCHEDULERS])
def test_every_kind_saves_checkpoints_below_the_full_budget(scheduler: Scheduler) -> None:
    for epochs in (1, 2, 9, 100):
        saved = scheduler.checkpoint_epochs(epochs)
        assert list(saved) == sorted(set(saved))
        assert all(0 < epoch < epochs for epoch in saved)
        assert 0 < scheduler.comparison_epoch(epochs) <= epochs
        assert scheduler.expected_trials(epochs, 10)[-1][0] == epochs
