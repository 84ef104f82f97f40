"""A toy search in a process of its own that is killed, and checks of the search after it was resumed."""

import os
from pathlib import Path
from typing import IO, Any

from toy_family import ToyFamily

from search.study.database import read_search
from search.study.records import TrialRecord
from search.tracking.client import default_uri
from tests.forked import Program

TRIALS = 8
TOY = ToyFamily()


def drive(home: Path, kill_after: int | str | None = None, storage: str = "") -> list[str]:
    """Run the driver and return its output; kill it after a number of epochs, or after a line with that ending."""
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{Path(__file__).parents[1]}"}
    script = Path(__file__).parent.with_name("drive.py")
    process = Program([str(home), str(TRIALS), storage], script=script, folder=home, environment=environment)
    lines = read_lines(process.stdout, kill_after)
    if kill_after is not None:
        process.kill()
    _, errors = process.communicate(timeout=120)
    assert errors == ""
    assert process.returncode == (0 if kill_after is None else -9)
    return lines


def read_lines(stream: IO[str], until: int | str | None) -> list[str]:
    lines: list[str] = []
    for line in stream:
        lines.append(line.strip())
        epochs = [printed for printed in lines if printed.startswith("epoch")]
        if len(epochs) == until or (isinstance(until, str) and epochs and epochs[-1].endswith(until)):
            break
    return lines


def trials(home: Path) -> tuple[TrialRecord, ...]:
    return read_search(home, "toys", TOY).trials


def check_trials_resumed_from_a_rung(before: tuple[TrialRecord, ...], printed: list[str]) -> None:
    for trial in before:
        if trial.state == "WAITING" and 3 < len(trial.epochs) < 9:  # with all 9 epochs it is only marked as complete
            epochs = [int(line.split()[2]) for line in printed if line.startswith(f"epoch {trial.number} ")]
            assert epochs[0] == 4


def check_mlflow(home: Path, resumed: tuple[TrialRecord, ...]) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=default_uri(home))
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    runs: list[Any] = list(client.search_runs([experiment.experiment_id]))
    names = ["toys", *(f"toys/{trial.number}" for trial in resumed)]
    assert sorted(run.info.run_name for run in runs) == sorted(names)
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        if run.info.run_name != "toys":
            trial = resumed[int(run.data.tags["trial"])]
            assert run.data.tags["state"] == trial.state
            points = client.get_metric_history(run.info.run_id, "loss")
            expected = [(epoch.report.epoch, epoch.report.metrics["loss"].mean) for epoch in trial.epochs]
            assert [(point.step, point.value) for point in points] == expected
