from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_family import LOSS, TOY_SEARCH, ToyFamily

from data_prep.randomness import stream
from models.family import EpochReport
from models.metrics import FoldValues, Metric
from models.spec import Value
from search.plots.importances import importances
from search.spec.file import parse
from search.study.records import EpochRecord, TrialRecord
from search.study.report import (
    best_trials,
    configurations,
    costed_trials,
    counts,
    optimism,
    pareto_front,
)
from search.study.states import StateName

SPACE = parse(TOY_SEARCH, "toy", family=ToyFamily()).space


def trial(number: int, state: StateName, losses: list[float], values: dict[str, Value] | None = None) -> TrialRecord:
    epochs = tuple(
        EpochRecord(EpochReport(epoch, {"loss": FoldValues((loss, loss))}, 1.0), 0)
        for epoch, loss in enumerate(losses, 1)
    )
    return TrialRecord(number, state, values or {}, epochs, datetime(2026, 1, 1), None, "")  # noqa: DTZ001  (as Optuna's)


def test_only_full_trials_can_be_best() -> None:
    trials = [
        trial(0, "COMPLETE", [9, 3.0]),
        trial(1, "PRUNED", [1.0]),
        trial(2, "COMPLETE", [9, 2.0]),
        trial(3, "FAIL", []),
        trial(4, "WAITING", [0.5]),
    ]
    assert [best.number for best in best_trials(trials, LOSS, 5)] == [2, 0]
    assert [best.number for best in best_trials(trials, LOSS, 1)] == [2]
    assert counts(trials) == {"COMPLETE": 2, "PRUNED": 1, "FAIL": 1, "WAITING": 1}


def of_folds(number: int, folds: tuple[float, ...], confirms: int | None = None) -> TrialRecord:
    epochs = (EpochRecord(EpochReport(1, {"loss": FoldValues(folds)}, 1.0), 0),)
    return TrialRecord(number, "COMPLETE", {}, epochs, None, None, "", confirms)


def test_a_trial_that_was_lucky_loses_its_place_to_means_over_seeds() -> None:
    trials = [
        of_folds(0, (1.0, 2.0)),
        of_folds(1, (1.1, 2.1)),
        of_folds(2, (1.4, 2.4), confirms=0),
        of_folds(3, (1.2, 2.3), confirms=0),
        of_folds(4, (1.1, 2.1), confirms=1),
        trial(5, "PRUNED", [0.1]),
    ]
    best, other = configurations(trials, LOSS)
    assert (best.trial.number, best.num_seeds, best.score.values) == (1, 2, pytest.approx((1.1, 2.1)))
    assert (other.trial.number, other.num_seeds, other.score.values) == (0, 3, pytest.approx((1.2, 2.7 - 1.4 / 3)))
    luck = optimism([best, other], LOSS)
    assert luck is not None
    assert luck.values == pytest.approx((0.0, 0.325))
    assert optimism(configurations(trials[:2], LOSS), LOSS) is None


def naive_front(points: list[tuple[float, float]]) -> set[int]:
    def dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return one[0] <= other[0] and one[1] <= other[1] and one != other

    return {index for index, point in enumerate(points) if not any(dominates(other, point) for other in points)}


NUMBERS = st.sampled_from([0.5, 1.0, 2.0, 3.0, 4.0])  # few, so that many are equal


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12))
def test_the_front_is_that_of_comparing_all_pairs(points: list[tuple[float, float]]) -> None:
    front = pareto_front(points)
    assert len(set(front)) == len(front)
    assert set(front) == naive_front(points)
    assert [points[index] for index in front] == sorted((points[index] for index in front), key=lambda each: each[0])


def test_the_front_of_full_trials_goes_from_cheap_to_good() -> None:
    means = {0: 3.0, 1: 2.0, 2: 2.0, 3: 1.0, 4: 0.1, 5: 2.0}
    trials = [trial(number, "PRUNED" if number == 4 else "COMPLETE", [mean]) for number, mean in means.items()]
    costs = {0: 10.0, 1: 20.0, 2: 20.0, 3: 40.0, 5: 30.0}
    costed = costed_trials(trials, LOSS, costs)
    assert [each.number for each in costed] == [0, 1, 2, 5, 3], "by cost, and equal trials by number"
    assert [each.number for each in costed if each.on_front] == [0, 1, 2, 3]
    gain = Metric("loss", "points", "maximise", "as loss, but more is better")
    assert [each.number for each in costed_trials(trials, gain, costs) if each.on_front] == [0]
    assert costed_trials(trials[4:5], LOSS, costs) == []


def some_trials(count: int) -> list[TrialRecord]:
    """Return trials whose loss depends only on lr, in a space where momentum matters only sometimes."""
    random = stream(0, "report")
    trials: list[TrialRecord] = []
    for number in range(count):
        momentum = bool(random.random() < 0.5)
        values: dict[str, Value] = {
            "solver": "momentum" if momentum else "gradient",
            "columns": int(random.integers(1, 9)),
        }
        if momentum:
            values["momentum"] = float(random.uniform(0.1, 0.9))
        values["lr"] = float(10 ** random.uniform(-3, -0.31))
        trials.append(trial(number, "PRUNED", [1.0 - values["lr"], 0.0], values))
    return trials


def test_the_most_important_setting_comes_first() -> None:
    ranked = importances(some_trials(40), SPACE, LOSS, 1)
    assert ranked[0].setting == "lr"
    assert ranked[0].share > 0.5
    assert {importance.setting for importance in ranked} == {"lr", "columns", "solver", "momentum"}
    assert sum(importance.share for importance in ranked) == pytest.approx(1)
    uses = {importance.setting: importance.num_trials for importance in ranked}
    assert uses["lr"] == 40 > uses["momentum"] > 0


def test_few_trials_have_no_importances() -> None:
    assert importances(some_trials(9), SPACE, LOSS, 1) == []
    assert importances([], SPACE, LOSS, 1) == []


def test_a_setting_that_never_varied_is_left_out() -> None:
    same = [trial(n, "PRUNED", [float(n)], {**some.values, "columns": 3}) for n, some in enumerate(some_trials(20))]
    assert "columns" not in {importance.setting for importance in importances(same, SPACE, LOSS, 1)}


def test_an_epoch_that_no_trial_reached_is_replaced_by_the_last_epoch() -> None:
    assert importances(some_trials(20), SPACE, LOSS, 99) == importances(some_trials(20), SPACE, LOSS, 2)
