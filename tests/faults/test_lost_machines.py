"""Machines that go away and others that join, and processes that are killed: trials go on from their last rung."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from search.driver.attempts import ATTEMPTS
from search.study.records import TrialRecord
from tests.faults.driver import Driver, check_complete, check_replay, check_rungs
from tests.ray_cluster import RayNode, ray_cluster, wait_until

pytestmark = pytest.mark.xdist_group("faults of machines")


def halving(first_rung: int) -> dict[str, object]:
    """Give the changes by which half of the trials pass each rung."""
    return {"scheduler.first_rung": first_rung, "scheduler.reduction": 2}


def at_work(driver: Driver, node: RayNode) -> list[TrialRecord]:
    """Give the trials that a node trains beyond a rung, the next of which is some epochs ahead."""
    place = {number: ray for number, _, ray in driver.starts()}
    processes = node.processes()
    return [
        trial
        for trial in driver.trials()
        if trial.state == "RUNNING" and place.get(trial.number) in processes and len(trial.epochs) in {5, 6}
    ]


def first_epoch_after(driver: Driver, number: int, num_starts: int) -> Callable[[], bool]:
    """Give a condition: the trial was started again, and reported what it had not before."""
    epochs = len(driver.trials()[number].epochs)

    def is_so() -> bool:
        starts = sum(start[0] == number for start in driver.starts())
        return starts > num_starts and len(driver.trials()[number].epochs) > epochs

    return is_so


@pytest.mark.timeout(900)
def test_trials_of_a_lost_machine_go_on_elsewhere_within_a_minute_and_one_that_joins_is_used(home: Path) -> None:
    changes: dict[str, object] = {"space.pause": 1.0, **halving(4)}
    with ray_cluster(2, cpus=2) as cluster:
        driver = Driver(home, cluster.address, {**changes, "budget.trials": 1000})
        process = driver.start()
        victim: RayNode = cluster.nodes[0]
        for _ in range(2):
            wait_until(lambda node=victim: bool(at_work(driver, node)), "a trial beyond its rung on a node", 180)
            trial = at_work(driver, victim)[0]
            starts = sum(number == trial.number for number, _, _ in driver.starts())
            victim.kill()
            wait_until(first_epoch_after(driver, trial.number, starts), "its trial to go on elsewhere", 60)
            victim = cluster.add(cpus=2)
            wait_until(lambda node=victim: f"node {node.address} joined" in driver.errors, "it to be used", 120)
        wait_until(lambda: driver.errors.count("is gone") == 2, "the second, which had joined, to be missed", 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, driver.errors[-2000:]
        driver = Driver(home, cluster.address, {**changes, "budget.trials": len(driver.trials())})
        assert driver.run() == 0, driver.errors[-2000:]
        trials = check_complete(driver, len(driver.trials()))
        check_rungs(driver, trials)
        check_replay(driver, trials)


@pytest.mark.timeout(900)
def test_a_trial_that_loses_one_raylet_after_another_is_not_given_up(home: Path) -> None:
    """Only Ray's own process of the node is killed, once more often than a trial may be tried; the machine lives on."""
    changes: dict[str, object] = {"budget.trials": 1, "budget.epochs": 24, "space.pause": 0.5, **halving(2)}
    with ray_cluster(1) as cluster:
        driver = Driver(home, cluster.address, changes)
        process = driver.start()
        for loss in range(ATTEMPTS):
            epochs = driver.num_epochs
            wait_until(
                lambda loss=loss, epochs=epochs: len(driver.starts()) > loss and driver.num_epochs > epochs,
                "the trial to go on",
                180,
            )
            cluster.nodes[-1].kill_raylet()
            cluster.add()
        assert process.wait(240) == 0, driver.errors[-2000:]
        trials = check_complete(driver, 1)
        check_replay(driver, trials)


def test_a_killed_process_is_tried_again_from_its_rung_at_most_twice(home: Path) -> None:
    driver = Driver(home, None, {"budget.trials": 3, "space.pause": 0.7, "resources.slots": 1, **halving(2)})
    process = driver.start()
    seen: list[int] = []
    for _ in range(3):
        wait_until(
            lambda: (
                len([one for one in driver.starts() if one[0] == 0]) > len(seen)
                and bool(driver.trials())
                and len(driver.trials()[0].epochs) >= 2
            ),
            "the trial at its rung",
        )
        time.sleep(1.0)
        worker = [worker for number, worker, _ in driver.starts() if number == 0][-1]
        os.kill(worker, signal.SIGKILL)
        seen.append(worker)
    assert process.wait(120) == 0, driver.errors[-2000:]
    trials = driver.trials()
    assert [one for one, _, _ in driver.starts()].count(0) == 3
    assert trials[0].state == "FAIL"
    assert "given up after 3 attempts: its process was killed" in trials[0].reason
    assert [trial.state == "FAIL" for trial in trials] == [True, False, False]
    assert process.stdout.read().startswith("trials")
