"""MLflow's server, and then also the study's PostgreSQL, are stopped for half a minute during a search."""

import time
from pathlib import Path

import pytest

from tests.faults.driver import Driver, check_complete, check_mlflow, check_replay, check_rungs
from tests.mlflow_server import MlflowServer
from tests.postgres_server import PostgresServer
from tests.ray_cluster import RayCluster, wait_until

pytestmark = pytest.mark.xdist_group("faults")
AWAY_S = 30.0
NUM_TRIALS = 32


@pytest.mark.timeout(900)
def test_servers_that_are_stopped_for_half_a_minute_cost_no_trial(
    cluster: RayCluster, mlflow: MlflowServer, postgres: PostgresServer, database: str, home: Path
) -> None:
    changes: dict[str, object] = {"study.url": database, "tracking.uri": mlflow.uri, "budget.trials": NUM_TRIALS}
    driver = Driver(home, cluster.address, {**changes, "space.pause": 0.8})
    process = driver.start()
    wait_until(lambda: driver.num_epochs >= 4, "four epochs")
    try:
        mlflow.stop()
        before, began = driver.num_epochs, time.monotonic()
        time.sleep(AWAY_S / 2)
        trained, seconds = driver.num_epochs - before, time.monotonic() - began
        assert "MLflow cannot be written" in driver.errors
        assert trained > 0.5 * 2 * seconds / 0.8, f"{trained} epochs in {seconds:.0f} s: the search was delayed"

        before = driver.num_epochs
        postgres.stop()
        time.sleep(AWAY_S)
        assert process.poll() is None, driver.errors[-2000:]
        assert "the study's database does not answer" in driver.errors
    finally:
        postgres.start_again()
        mlflow.start()
    wait_until(lambda: driver.num_epochs > before + 4, "the search to resume", 60)
    assert process.wait(240) == 0, driver.errors[-2000:]
    trials = check_complete(driver, NUM_TRIALS)
    check_rungs(driver, trials)
    check_replay(driver, trials)
    check_mlflow(mlflow.uri, driver, trials)
