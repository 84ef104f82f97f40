"""Machines that are lost and others that join: trials resume from their last rung."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from search.driver.attempts import ATTEMPTS
from search.study.records import TrialRecord
from tests.faults.driver import Driver, check_complete, check_replay, check_rungs
from tests.ray_cluster import RayNode, ray_cluster, wait_until

pytestmark = pytest.mark.xdist_group("faults of machines")


def halving(first_rung: int) -> dict[str, object]:
    """Return changes of the search by which half of the trials pass each rung."""
    return {"scheduler.first_rung": first_rung, "scheduler.reduction": 2}


def at_work(driver: Driver, node: RayNode) -> list[TrialRecord]:
    """Return the trials that a node trains and that are an epoch or two beyond a rung."""
    raylets = {number: raylet for number, _, raylet in driver.starts()}
    processes = node.processes()
    return [
        trial
        for trial in driver.trials()
        if trial.state == "RUNNING" and raylets.get(trial.number) in processes and len(trial.epochs) in {5, 6}
    ]


def first_epoch_after(driver: Driver, number: int, num_starts: int) -> Callable[[], bool]:
    """Return a condition: the trial was started again and has reported a new epoch."""
    epochs = len(driver.trials()[number].epochs)

    def is_so() -> bool:
        starts = sum(start[0] == number for start in driver.starts())
        return starts > num_starts and len(driver.trials()[number].epochs) > epochs

    return is_so


@pytest.mark.timeout(900)
def test_trials_of_a_lost_machine_resume_elsewhere_within_a_minute_and_a_machine_that_joins_is_used(home: Path) -> None:
    changes: dict[str, object] = {"space.pause": 0.7, **halving(4)}
    with ray_cluster(2, cpus=2) as cluster:
        driver = Driver(home, cluster.address, {**changes, "budget.trials": 1000})
        process = driver.start()
        victim = cluster.nodes[0]
        wait_until(lambda: bool(at_work(driver, victim)), "a trial beyond its rung on a node", 180)
        trial = at_work(driver, victim)[0]
        starts = sum(number == trial.number for number, _, _ in driver.starts())
        victim.kill()
        wait_until(first_epoch_after(driver, trial.number, starts), "its trial to resume elsewhere", 60)
        joined = cluster.add(cpus=2)
        wait_until(lambda: f"node {joined.address} joined" in driver.errors, "the new node to join", 120)
        wait_until(lambda: any(ray in joined.processes() for _, _, ray in driver.starts()), "a trial on the new node")
        wait_until(lambda: f"node {victim.address} is gone" in driver.errors, "the lost node to be reported", 120)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, driver.errors[-2000:]
        driver = Driver(home, cluster.address, {**changes, "budget.trials": len(driver.trials())})
        assert driver.run() == 0, driver.errors[-2000:]
        trials = check_complete(driver, len(driver.trials()))
        check_rungs(driver, trials)
        check_replay(driver, trials)


@pytest.mark.timeout(900)
def test_a_trial_that_loses_one_raylet_after_another_is_not_given_up(home: Path) -> None:
    """Only the raylet of the node is killed, as often as a trial may be tried."""
    changes: dict[str, object] = {"budget.trials": 1, "budget.epochs": 24, "space.pause": 0.5, **halving(2)}
    with ray_cluster(1) as cluster:
        driver = Driver(home, cluster.address, changes)
        process = driver.start()
        for loss in range(ATTEMPTS):
            epochs = driver.num_epochs
            wait_until(
                lambda loss=loss, epochs=epochs: len(driver.starts()) > loss and driver.num_epochs > epochs,
                "the trial to resume",
                180,
            )
            cluster.nodes[-1].kill_raylet()
            cluster.add()
        assert process.wait(240) == 0, driver.errors[-2000:]
        trials = check_complete(driver, 1)
        check_replay(driver, trials)
