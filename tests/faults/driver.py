"""A toy search in another process that tests watch and kill, and checks of its final state."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.metrics import FoldValues
from search.driver.scheduler import make_scheduler
from search.private_apis import asha_rungs, asha_verdict
from search.spec.file import SearchSpec, parse
from search.study.database import read_search
from search.study.records import TrialRecord
from search.study.report import best_trials
from search.study.states import FINAL_STATES
from search.trials.training import train_trial
from tests.forked import Program
from tests.search.toy_family import LOSS, TOY_SEARCH, ToyFamily, toy_data

TOY = ToyFamily()
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Driver:
    """Starts a search, any number of times.

    Attributes:
        home: The home folder.
        address: The address of the cluster; None for a local Ray.
        changes: Changes to the toy search, by dotted key of a search file.
    """

    home: Path
    address: str | None
    changes: Mapping[str, object]

    @property
    def search(self) -> SearchSpec:
        return parse(TOY_SEARCH, "toy.toml", family=TOY, overrides=self.changes)

    def start(self) -> Program:
        """Start the search in a process, whose messages are written to the home folder."""
        settings = {"home": str(self.home), "address": self.address, "changes": dict(self.changes)}
        return Program(
            [json.dumps(settings)],
            script=Path(__file__).with_name("drive.py"),
            folder=self.home,
            environment={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            errors=self.home / "err.log",
        )

    def run(self, seconds: float = 240.0) -> int:
        """Run the search to its end and return the exit status."""
        return self.start().wait(seconds)

    def trials(self) -> tuple[TrialRecord, ...]:
        """Return all trials so far; none if there is no study yet."""
        if not (self.home / "searches" / "toys" / "search.toml").exists():
            return ()
        return read_search(self.home, "toys", TOY).trials

    @property
    def num_epochs(self) -> int:
        """Number of epochs in the study."""
        return sum(len(trial.epochs) for trial in self.trials())

    @property
    def errors(self) -> str:
        """The messages for the user."""
        return (self.home / "err.log").read_text()

    def starts(self) -> list[tuple[int, int, int]]:
        """Return every start of a trial: the trial's number, the worker's process id and that of its raylet."""
        path = self.home / "starts.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(number), int(worker), int(node)) for number, worker, node in map(str.split, lines)]


def check_complete(driver: Driver, num_trials: int) -> tuple[TrialRecord, ...]:
    """Check that a search has exactly its trials, all finished, none failed; return them."""
    trials = driver.trials()
    assert [trial.number for trial in trials] == list(range(num_trials))
    assert {trial.state for trial in trials} <= set(FINAL_STATES) - {"FAIL"}, [trial.reason for trial in trials]
    for trial in trials:
        assert [epoch.report.epoch for epoch in trial.epochs] == list(range(1, len(trial.epochs) + 1))
    return trials


def check_rungs(driver: Driver, trials: tuple[TrialRecord, ...]) -> None:
    """Check that each trial was stopped exactly where the study's values, in their order, require it."""
    search = driver.search
    scheduler = make_scheduler(search, LOSS, ())
    milestones, verdict = set(asha_rungs(scheduler)), asha_verdict(scheduler)
    judged = [trial for trial in trials if trial.confirms is None]
    reports = sorted((epoch.at, trial.number, epoch.report) for trial in judged for epoch in trial.epochs)
    stopped: dict[int, int] = {}
    for _, number, report in reports:
        if report.epoch in milestones and verdict(str(number), report.epoch, -report.metrics["loss"].mean) == "STOP":
            stopped[number] = report.epoch
    for trial in judged:
        last = trial.epochs[-1].report.epoch
        expected = "PRUNED" if trial.number in stopped and last < search.budget.epochs else "COMPLETE"
        assert (trial.state, last) == (expected, stopped.get(trial.number, search.budget.epochs)), trial.number


def check_replay(driver: Driver, trials: tuple[TrialRecord, ...]) -> None:
    """Train the best trial again without interruptions, and compare all metrics."""
    best = best_trials(trials, LOSS, 1)[0]
    reports: list[Any] = []
    spec = TOY.spec_type.from_values({**best.values, "pause": 0.0})
    seed = driver.search.data.seed
    train_trial(TOY, spec, toy_data(), reports.append, seed=seed, number=best.number, files=None, device="cpu")
    for epoch, whole in zip(best.epochs, reports, strict=True):
        first = whole.metrics["loss"].values[: epoch.report.num_folds]  # the others join later
        assert epoch.report.metrics == {"loss": FoldValues(first)}
    joined = driver.search.scheduler.first_folds(driver.search.budget.epochs)
    assert [epoch.report.num_folds for epoch in best.epochs] == [
        joined[0] if joined and epoch.report.epoch <= joined[1] else toy_data().num_folds for epoch in best.epochs
    ]


def check_mlflow(uri: str, driver: Driver, trials: tuple[TrialRecord, ...]) -> None:
    """Check that MLflow's server has each trial once, with the study's state and the values of all epochs."""
    from mlflow import MlflowClient

    study = read_search(driver.home, "toys", TOY).study
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    runs: list[Any] = list(client.search_runs([experiment.experiment_id], f"tags.study = '{study}'", max_results=1000))
    assert sorted(run.info.run_name for run in runs) == sorted(["toys", *(f"toys/{trial.number}" for trial in trials)])
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        if run.info.run_name != "toys":
            trial = trials[int(run.data.tags["trial"])]
            assert run.data.tags["state"] == trial.state
            points = client.get_metric_history(run.info.run_id, "loss")
            expected = [(epoch.report.epoch, epoch.report.metrics["loss"].mean) for epoch in trial.epochs]
            assert sorted((point.step, point.value) for point in points) == expected
