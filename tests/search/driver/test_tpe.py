# pyright: reportPrivateUsage=false

import sys
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.trial import TrialState

from data_prep.randomness import stream
from search.driver.tpe import ReadOnceTPESampler, VectorisedDensity

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")  # group
NAMES = ("solver", "lr", "size", "dropout", "momentum", "clip", "warmup")
STARTUP = 10
Direction: TypeAlias = Literal["minimize", "maximize"]


def sample(trial: optuna.Trial) -> float:
    """A conditional space and how good a point of it is, less being better; it has ties."""
    solver = trial.suggest_categorical("solver", ["plain", "momentum", "adam"])
    lr = trial.suggest_float("lr", 1e-4, 1.0, log=True)
    size = trial.suggest_int("size", 8, 96, log=True)
    loss = abs(np.log10(lr) + 2) + abs(size - 48) / 48 + 0.3 * (solver == "plain")
    loss += trial.suggest_float("dropout", 0.0, 0.6, step=0.1)
    if solver == "momentum":
        loss += abs(trial.suggest_float("momentum", 0.0, 0.99) - 0.9)
    elif solver == "adam":
        loss += trial.suggest_float("clip", 0.0, 1.0) * trial.suggest_int("warmup", 1, 9)
    return round(loss, 1)


def own(seed: int) -> TPESampler:
    return TPESampler(seed=seed, group=True, n_startup_trials=STARTUP)


def ours(seed: int) -> TPESampler:
    return ReadOnceTPESampler(NAMES, seed=seed, num_startup=STARTUP)


def proposals(
    sampler: TPESampler, direction: Direction, num_trials: int, *, failed: TrialState = TrialState.PRUNED
) -> list[dict[str, Any]]:
    """Run three trials at a time, which end in any order and any way, and give what was proposed."""
    study = optuna.create_study(sampler=sampler, direction=direction)
    study.enqueue_trial({"solver": "adam", "lr": 0.5})
    random = stream(0, "test: ends")
    running: list[tuple[optuna.Trial, float]] = []
    for _ in range(num_trials):
        trial = study.ask()
        running.append((trial, sample(trial)))
        if len(running) == 3:
            ended, loss = running.pop(random.integers(3))
            match int(random.integers(5)):
                case 0:
                    if failed == TrialState.FAIL:
                        ended.report(loss, 9)  # better and deeper than all others, if that counted
                    study.tell(ended, state=failed)
                case 1:
                    for epoch in range(random.integers(4)):
                        ended.report(loss, epoch + 1)
                    study.tell(ended, state=TrialState.PRUNED)
                case _:
                    study.tell(ended, loss)
    return [trial.params for trial in study.get_trials()]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_it_proposes_what_optunas_own_proposes(direction: Direction) -> None:
    expected = proposals(own(1), direction, 120)
    assert proposals(ours(1), direction, 120) == expected
    assert len({str(params) for params in expected}) > 100
    assert {len(params) for params in expected} == {4, 5, 6}


def test_it_takes_a_failed_trial_for_one_that_was_pruned_before_it_reported() -> None:
    assert proposals(ours(1), "minimize", 120, failed=TrialState.FAIL) == proposals(ours(1), "minimize", 120)


def test_it_goes_on_from_a_study_that_another_began() -> None:
    def go_on(make: Callable[[int], TPESampler]) -> list[dict[str, Any]]:
        study = optuna.create_study(sampler=own(2))
        study.optimize(sample, 40)
        study.sampler = make(3)
        study.optimize(sample, 20)
        return [trial.params for trial in study.get_trials()]

    assert go_on(ours) == go_on(own)


SPACE: dict[str, BaseDistribution] = {
    "choice": CategoricalDistribution(("a", "b", "c")),
    "real": FloatDistribution(-1.0, 3.0),
    "log": FloatDistribution(1e-5, 1.0, log=True),
    "step": FloatDistribution(0.0, 0.6, step=0.1),
    "whole": IntDistribution(1, 9, step=2),
    "log whole": IntDistribution(4, 128, log=True),
}


@pytest.mark.parametrize("num_seen", [0, 1, 2, 60])
def test_its_density_is_optunas(num_seen: int) -> None:
    weights: Any = np.ones
    parameters = _ParzenEstimatorParameters(1.0, True, False, weights, True)
    random = stream(0, "test: density", trial=num_seen)

    def draw(count: int) -> dict[str, Any]:
        return {
            "choice": random.integers(3, size=count).astype(float),
            "real": np.where(random.random(count) < 0.2, 3.0, random.uniform(-1, 3, count)),
            "log": 10 ** random.uniform(-5, 0, count),
            "step": random.integers(7, size=count) * 0.1,
            "whole": random.integers(5, size=count) * 2.0 + 1,
            "log whole": random.integers(4, 129, size=count).astype(float),
        }

    seen, points = draw(num_seen), draw(200)
    expected = _ParzenEstimator(seen, SPACE, parameters).log_pdf(points)
    assert VectorisedDensity(seen, SPACE, parameters).log_pdf(points) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_proposal_does_no_more_in_python_for_more_trials() -> None:
    def calls_after(make: Callable[[int], TPESampler], num_trials: int) -> int:
        study = optuna.create_study(sampler=make(4))
        study.optimize(sample, num_trials)
        calls: list[str] = []
        sys.setprofile(lambda _frame, event, _arg: calls.append(event) if event == "call" else None)
        try:
            study.ask().suggest_float("lr", 1e-4, 1.0, log=True)
        finally:
            sys.setprofile(None)
        return len(calls)

    assert calls_after(ours, 300) < 1.2 * calls_after(ours, 60)
    assert calls_after(own, 300) > 2 * calls_after(own, 60), "if Optuna's own is as good, use that"
