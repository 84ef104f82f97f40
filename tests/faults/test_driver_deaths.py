"""A driver that is killed at any moment, or told to end: the resumed search ends as if it had not been."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from data_prep.randomness import stream
from search.study.database import read_search
from search.study.records import SearchRecord, TrialRecord
from search.study.states import FINAL_STATES
from tests.faults.driver import TOY, Driver, check_complete, check_mlflow, check_replay, check_rungs
from tests.mlflow_server import MlflowServer
from tests.ray_cluster import RayCluster, wait_until
from tests.search.warm_start.sources import make_source

pytestmark = pytest.mark.xdist_group("faults")
NUM_TRIALS = 24  # at least
NUM_DEATHS = 10
NUM_REPEATS = 4
"""Two of each of the two best trials; a trial that was only lucky may have one, and another trial the other."""


@pytest.mark.timeout(1200)
def test_a_driver_killed_at_ten_moments_leaves_the_search_as_it_would_have_been(
    cluster: RayCluster, mlflow: MlflowServer, database: str, home: Path
) -> None:
    changes: dict[str, object] = {"study.url": database, "tracking.uri": mlflow.uri, "space.pause": 0.2}
    changes["scheduler.folds_first"] = 1
    driver = Driver(home, cluster.address, {**changes, "budget.trials": 1000})  # it dies before its end
    random = stream(0, "test: moments of death")
    num_deaths_at_work = 0
    for death in range(NUM_DEATHS):
        before = driver.num_epochs
        process = driver.start()
        if death % 2:
            wait_until(lambda before=before: driver.num_epochs > before, "the search to resume")
            time.sleep(random.uniform(0.0, 2.0))
        else:
            time.sleep(random.uniform(0.2, 9.0))
        assert process.poll() is None, driver.errors[-2000:]
        process.kill()
        process.wait()
        num_deaths_at_work += any(trial.state == "WAITING" for trial in driver.trials())
    assert num_deaths_at_work >= NUM_DEATHS // 2
    num_trials = max(NUM_TRIALS, len(driver.trials()) + 2 * NUM_REPEATS)
    driver = Driver(home, cluster.address, {**changes, "confirmation.best": 2, "budget.trials": num_trials})
    for num_started in (1, 3):
        process = driver.start()
        wait_until(lambda least=num_started: len(repeats(driver.trials())) >= least, "the best trials to be repeated")
        time.sleep(random.uniform(0.0, 1.0))
        assert process.poll() is None, driver.errors[-2000:]
        process.kill()
        process.wait()
    assert driver.run() == 0, driver.errors[-2000:]
    trials = check_complete(driver, num_trials)
    check_repeats(trials)
    check_rungs(driver, trials)
    check_replay(driver, trials)
    check_mlflow(mlflow.uri, driver, trials)


def repeats(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    return [trial for trial in trials if trial.confirms is not None]


def check_repeats(trials: Sequence[TrialRecord]) -> None:
    """Check that there are as many repeats as without deaths, all to the end, and that none is one too many."""
    repeated = repeats(trials)
    assert len(repeated) == NUM_REPEATS
    assert max(Counter(trial.confirms for trial in repeated).values()) <= 2
    assert {trial.state for trial in repeated} == {"COMPLETE"}
    for trial in repeated:
        first = trials[trial.confirms or 0]
        assert (first.state, first.values) == ("COMPLETE", trial.values)


@pytest.mark.timeout(600)
def test_a_driver_killed_with_a_warm_start_and_after_it_converged_repeats_nothing(
    cluster: RayCluster, mlflow: MlflowServer, database: str, home: Path
) -> None:
    known = (0.3, 0.06, 0.2)
    make_source(home, "known", *({"solver": "gradient", "lr": lr} for lr in known))
    changes: dict[str, object] = {"study.url": database, "tracking.uri": mlflow.uri, "space.pause": 0.05}
    changes |= {"space.solver": "gradient", "space.columns": 8, "space.lr": {"low": 0.05, "high": 0.4, "log": True}}
    changes |= {"warm_start.searches": ["known"], "warm_start.points": 3, "confirmation.best": 1}
    driver = Driver(home, cluster.address, {**changes, "budget.trials": 200, "budget.stop": "converged"})
    random = stream(0, "test: moments of death with a warm start")
    for _ in range(3):
        kill_when(driver, lambda: True, random.uniform(0.5, 5.0))
    kill_when(driver, lambda: driver.num_epochs > 0, random.uniform(0.0, 1.0))
    kill_when(driver, lambda: has_converged(driver), 0.0)
    kill_when(driver, lambda: bool(repeats(driver.trials())), 0.3)
    assert driver.run() == 0, driver.errors[-2000:]
    found = search_of(driver)
    trials = check_complete(driver, len(found.trials))
    assert found.is_over(driver.search.budget)
    assert len(trials) < 200
    steps = Counter(trial.values["lr"] for trial in trials if trial.confirms is None)
    assert [steps[lr] for lr in known] == [1, 1, 1]
    assert len(repeats(trials)) in (2, 3)  # a trial that was only lucky may have one
    check_rungs(driver, trials)
    check_mlflow(mlflow.uri, driver, trials)
    assert driver.run() == 0
    assert driver.trials() == trials, "a search that has converged starts nothing"


def kill_when(driver: Driver, is_time: Callable[[], bool], seconds: float) -> None:
    """Start the driver, wait for a condition and that many seconds more, and kill it."""
    process = driver.start()
    wait_until(is_time, "the moment of the next death", 240)
    time.sleep(seconds)
    assert process.poll() is None, driver.errors[-2000:]
    process.kill()
    process.wait()


def search_of(driver: Driver) -> SearchRecord:
    return read_search(driver.home, "toys", TOY)


def has_converged(driver: Driver) -> bool:
    gain = search_of(driver).expected_gain
    return gain is not None and gain.ends(driver.search.budget)


def test_a_driver_that_receives_a_signal_ends_within_ten_seconds(
    cluster: RayCluster, mlflow: MlflowServer, database: str, home: Path
) -> None:
    changes: dict[str, object] = {"study.url": database, "tracking.uri": mlflow.uri, "budget.trials": 6}
    driver = Driver(home, cluster.address, {**changes, "space.pause": 0.4})
    process = driver.start()
    wait_until(lambda: driver.num_epochs >= 3, "three epochs")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0, driver.errors[-2000:]
    assert process.stdout.read().splitlines() == ["interrupted"]
    cut = driver.trials()
    assert {trial.state for trial in cut} <= {*FINAL_STATES, "WAITING"}
    assert any(trial.state == "WAITING" for trial in cut)
    assert driver.run() == 0, driver.errors[-2000:]
    trials = check_complete(driver, 6)
    assert all(new.epochs[: len(old.epochs)] == old.epochs for old, new in zip(cut, trials, strict=False))
    check_mlflow(mlflow.uri, driver, trials)
