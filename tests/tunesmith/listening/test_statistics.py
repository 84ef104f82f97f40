"""Intervals against known values and simulated listeners."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from data_prep.randomness import stream
from tunesmith.listening.statistics import (
    clustered,
    d_prime,
    equivalence,
    exact_interval,
    independent,
    planned_judgements,
)

_stats: Any = stats  # it is only partly typed


@pytest.mark.parametrize(("hits", "count"), [(0, 1), (1, 1), (0, 10), (10, 10), (46, 99), (239, 450), (3, 7)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_exact_intervals_equal_those_of_scipy(hits: int, count: int, confidence: float) -> None:
    known = _stats.binomtest(hits, count).proportion_ci(confidence, method="exact")
    assert exact_interval(hits, count, confidence) == pytest.approx((known.low, known.high), abs=1e-9)


def test_an_exact_interval_contains_the_share_in_at_least_95_of_100_samples() -> None:
    for count, share in ((10, 0.5), (50, 0.1), (99, 0.46)):
        probability = _stats.binom.pmf(np.arange(count + 1), count, share)
        intervals = [exact_interval(hits, count) for hits in range(count + 1)]
        contains = [low <= share <= high for low, high in intervals]
        assert probability @ np.array(contains) >= 0.95


def test_d_prime_is_that_of_a_simulated_choice_between_two() -> None:
    random = stream(1, "two noisy impressions")
    noise = random.standard_normal((2, 100_000))
    for true in (0.0, 0.5, 1.5):
        share = np.count_nonzero(noise[0] + true > noise[1]) / 100_000
        assert d_prime(share, 100_000) == pytest.approx(true, abs=0.02)
    assert d_prime(0.5, 10) == 0
    assert 0 < d_prime(1.0, 10) < math.inf
    assert d_prime(0.0, 10) == pytest.approx(-d_prime(1.0, 10))


def _variance_by_hand(values: np.ndarray[Any, Any], listeners: list[int], items: list[int]) -> float:
    """Sum the products of the deviations of all pairs of judgements that share a listener or an item."""
    e, total = values - values.mean(), 0.0
    num = {name: len(set(groups)) for name, groups in (("l", listeners), ("i", items))}
    for j in range(len(e)):
        for k in range(len(e)):
            product = float(e[j] * e[k])
            total += product * (listeners[j] == listeners[k]) * num["l"] / (num["l"] - 1)
            total += product * (items[j] == items[k]) * num["i"] / (num["i"] - 1)
            total -= product * (j == k) * len(e) / (len(e) - 1)
    return total / len(e) ** 2


def test_the_variance_equals_that_of_a_naive_loop() -> None:
    random = stream(2, "judgements")
    listeners, items = random.integers(0, 5, 40).tolist(), random.integers(0, 6, 40).tolist()
    effect = random.normal(0, 30, 5)[listeners] + random.normal(0, 30, 6)[items]
    values = effect + random.normal(0, 10, 40)
    estimate = clustered(values.tolist(), listeners, items)
    assert estimate.error**2 == pytest.approx(_variance_by_hand(values, listeners, items))
    assert estimate.df == 4
    assert estimate.effective < 20, "groups that differ make judgements worth less"


def test_equal_judgements_have_an_interval_that_is_not_a_point() -> None:
    estimate = clustered([100.0] * 12, [*range(4)] * 3, sorted([*range(3)] * 4), (0.0, 100.0))
    assert estimate.mean == estimate.high == 100
    assert estimate.low < 99
    assert estimate.effective == pytest.approx(12)


@pytest.mark.parametrize(
    ("listener_sd", "item_sd", "shape"), [(0.0, 0.0, (24, 12)), (0.12, 0.1, (24, 12)), (0.2, 0.0, (12, 16))]
)
def test_the_skill_of_simulated_listeners_is_within_its_interval_as_often_as_promised(
    listener_sd: float, item_sd: float, shape: tuple[int, int]
) -> None:
    random = stream(3, "listeners of known skill")
    listeners, items = np.divmod(np.arange(math.prod(shape)), shape[1])
    inside = naive = 0
    for _ in range(400):
        skill = 0.65 + random.normal(0, listener_sd, shape[0])[:, None] + random.normal(0, item_sd, shape[1])
        found = 100.0 * (random.random(shape) < skill).ravel()
        estimate = clustered(found.tolist(), listeners.tolist(), items.tolist(), (0.0, 100.0))
        inside += estimate.low <= 65 <= estimate.high
        alone = independent(found.tolist(), (0.0, 100.0))
        naive += alone.low <= 65 <= alone.high
    assert 0.925 <= inside / 400 <= 1
    assert naive / 400 < 0.9 or listener_sd == item_sd == 0, "which groups that differ need"


def test_planned_judgements_are_about_214_for_10_points_and_reach_their_power() -> None:
    planned = planned_judgements(10, 50, 0.05, 0.8)
    assert planned in {214, 215}
    assert planned_judgements(5, 50, 0.05, 0.8) == pytest.approx(4 * planned, abs=4)
    assert planned_judgements(10, 25, 0.05, 0.8) == pytest.approx(planned / 4, abs=1)
    random = stream(4, "guesses")

    def share_shown(chance: float) -> float:
        tests = (100.0 * (random.random(planned) < chance) for _ in range(1000))
        estimates = (independent(found.tolist(), (0.0, 100.0)) for found in tests)
        return sum(equivalence(estimate, 50, 10, 0.05).shown for estimate in estimates) / 1000

    assert share_shown(0.5) == pytest.approx(0.8, abs=0.04)
    assert share_shown(0.6) == pytest.approx(0.05, abs=0.025), "a difference of the margin is rarely missed"


def test_equivalence_is_shown_exactly_if_its_interval_is_inside_the_margin() -> None:
    random = stream(5, "values")
    seen: set[bool] = set()
    for size in (20, 60, 200, 600):
        for centre in (50.0, 56.0):
            estimate = independent((100.0 * (random.random(size) < centre / 100)).tolist(), (0.0, 100.0))
            test = equivalence(estimate, 50, 10, 0.05)
            assert test.shown == (test.low > 40 and test.high < 60)
            seen.add(test.shown)
    assert seen == {True, False}
