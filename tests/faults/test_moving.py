"""A search of real tunes starts on this machine, resumes on a cluster and finishes here, each time by its name."""

import json
import signal
from pathlib import Path

import pytest

from search.study.database import read_search
from tests.forked import Program
from tests.ray_cluster import RayCluster, wait_until
from tests.tunesmith.conftest import make_place

pytestmark = pytest.mark.xdist_group("faults")
TINY = [
    part
    for setting in ("size=8", "embedding=8", "layers=1", "batch_size=8", "length=32", "optimiser=adamw")
    for part in ("--set", setting)
]


@pytest.mark.timeout(600)
def test_a_search_moves_to_a_cluster_and_back(cluster: RayCluster, tmp_path: Path) -> None:
    place = make_place(tmp_path)

    def num_epochs() -> int:
        home = tmp_path / "runs"
        there = (home / "searches" / "mine" / "search.toml").exists()
        return sum(len(trial.epochs) for trial in read_search(home, "mine").trials) if there else 0

    def interrupt(process: Program, epochs: int) -> str:
        wait_until(lambda: num_epochs() >= epochs or process.poll() is not None, f"{epochs} epochs", 120)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 130, errors
        return errors

    begun = ["composer", "--name", "mine", "--corpus", "tunes", "--trials", "6", "--epochs", "8", "--time", "none"]
    interrupt(place.start("search", *begun, *TINY), 2)
    messages = interrupt(place.start("search", "mine", "--address", cluster.address), num_epochs() + 6)
    assert "slots on 2 nodes" in messages
    assert f"tunesmith search mine --address {cluster.address}" in messages
    process = place.start("search", "mine", "--json")
    out, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors

    trials = read_search(tmp_path / "runs", "mine").trials
    assert [trial.number for trial in trials] == list(range(6))
    assert {trial.state for trial in trials} <= {"COMPLETE", "PRUNED"}
    best = int(json.loads(out)["best"][0]["number"])
    process = place.start("trial", "--like", f"mine/{best}", "--json")
    alone = json.loads(process.communicate(timeout=120)[0])
    there = trials[best].epochs
    assert len(alone["epochs"]) == len(there)
    for ours, theirs in zip(alone["epochs"], there, strict=True):
        for name, folds in theirs.report.metrics.items():
            first = ours["metrics"][name]["folds"][: theirs.report.num_folds]  # the others joined later
            assert first == pytest.approx(list(folds.values), rel=1e-6)
