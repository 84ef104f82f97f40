"""Nodes with other versions or without access to the storage, and missing GPUs, are refused before a search starts."""

import json
import os
from pathlib import Path

import pytest

from tests.faults.driver import Driver
from tests.forked import Program
from tests.ray_cluster import RayCluster, RayNode, wait_until

pytestmark = pytest.mark.xdist_group("faults")


def test_the_error_before_a_search_starts_names_the_unusable_node(
    cluster: RayCluster, home: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (other / "torch-2.0.0.dist-info").mkdir(parents=True)
    (other / "torch-2.0.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.0.0\n")
    num_nodes = count(cluster)
    wrong: RayNode = cluster.add(environment={"PYTHONPATH": str(other)})
    driver = Driver(home, cluster.address, {"budget.trials": 3})
    assert driver.run(120) == 1
    assert f"{wrong.address} has torch 2.0.0" in refusal(driver)
    wrong.stop()
    wait_until(lambda: count(cluster) == num_nodes, "the node to have left", 60)
    if os.geteuid() == 0:
        hide = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none "{home}" && exec "$@"', "sh"]
        blind = cluster.add(wrapper=hide)
        assert driver.run(120) == 1
        assert f"on {blind.address} it does not see what this machine wrote to {home}" in refusal(driver)
        blind.stop()
        wait_until(lambda: count(cluster) == num_nodes, "the node to have left", 60)
    driver = Driver(home, cluster.address, {"budget.trials": 3, "resources.gpus": 0.5})
    assert driver.run(120) == 1
    assert "GPU" in refusal(driver)
    assert driver.trials() == ()


def refusal(driver: Driver) -> str:
    """Return the last line, the error of a refused search."""
    lines = driver.errors.strip().splitlines()
    assert lines[-1].startswith("error: "), lines
    assert "Traceback" not in driver.errors
    return lines[-1]


def count(cluster: RayCluster) -> int:
    """Return the number of nodes that Ray reports."""
    status = ["cluster", "status", "--address", cluster.address, "--json"]
    with Program(status, folder=cluster.folder, environment=os.environ) as program:
        return len(json.loads(program.communicate(60)[0]))
