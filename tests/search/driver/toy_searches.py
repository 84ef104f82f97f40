"""Toy searches on a real Ray, the events that their observer receives, and checks of what they leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from toy_family import TOY_SEARCH, ToyFamily, toy_data

from models.spec import Value
from search.driver.search_run import SearchResult, SearchTask, Workers, run
from search.spec.file import SearchSpec, parse
from search.study.observer import SilentObserver
from search.study.states import StateName
from search.tracking.client import default_uri

TOY = ToyFamily()


@dataclass
class Listener(SilentObserver):
    """Keeps all events of a search."""

    events: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    wake: Any = None

    def search_started(
        self, *, trials: int, epochs: int, seconds: float | None, finished: Mapping[StateName, int]
    ) -> None:
        self.events.append(("search", trials, epochs, seconds, dict(finished)))

    def best_before(self, number: int, mean: float, standard_error: float) -> None:
        self.events.append(("best before", number, mean, standard_error))

    def trial_started(self, number: int, values: Mapping[str, Value], confirms: int | None = None) -> None:
        self.events.append(("started", number, dict(values)))

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        self.events.append(("epoch", number, epoch, mean, standard_error))
        if self.wake is not None:
            self.wake(number, epoch)

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        self.events.append(("ended", number, state, reason))

    def message(self, text: str) -> None:
        self.events.append(("message", text))

    def search_ended(self) -> None:
        self.events.append(("over",))


class Gains(SilentObserver):
    """Keeps the estimates of the gain of further trials, with the standard errors of the folds."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    def expected_gain(self, gain: float, standard_error: float) -> None:
        self.seen.append((gain, standard_error))


def toy(**changes: object) -> SearchSpec:
    return parse(TOY_SEARCH, "toy.toml", family=TOY, overrides={k.replace("__", "."): v for k, v in changes.items()})


def go(search: SearchSpec, home: Path, observer: SilentObserver | None = None, family: ToyFamily = TOY) -> SearchResult:
    task = SearchTask(search, family, toy_data(), "toy-1", home)
    return run(task, observer or SilentObserver(), Workers(slots=2))


def mlflow_runs(home: Path) -> dict[str, Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=default_uri(home))
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    listed = client.search_runs([experiment.experiment_id])
    assert len({run.info.run_name for run in listed}) == len(listed), "a run is there twice"
    return {str(run.info.run_name): run for run in listed}


def check_states(outcome: SearchResult) -> None:
    for trial in outcome.trials:
        steps = [epoch.report.epoch for epoch in trial.epochs]
        assert steps == list(range(1, len(steps) + 1))
        assert (trial.state == "COMPLETE") == (len(steps) == 9), trial
        assert trial.state in ("COMPLETE", "PRUNED")
        assert len(steps) in (1, 3, 9), "trials are stopped at rungs"
        assert ("momentum" in trial.values) == (trial.values["solver"] == "momentum")
    assert any(trial.state == "COMPLETE" for trial in outcome.trials)
    assert any(trial.state == "PRUNED" for trial in outcome.trials)


def check_mlflow(outcome: SearchResult, home: Path) -> None:
    runs = mlflow_runs(home)
    assert set(runs) == {"toys", *(f"toys/{trial.number}" for trial in outcome.trials)}
    for trial in outcome.trials:
        tracked = runs[f"toys/{trial.number}"]
        assert tracked.info.status == "FINISHED"
        assert tracked.data.tags["state"] == trial.state
        assert tracked.data.metrics["loss"] == pytest.approx(trial.epochs[-1].report.metrics["loss"].mean)
    winners = [name for name, tracked in runs.items() if tracked.data.tags.get("winner") == "yes"]
    assert winners == [runs["toys"].data.tags["winner"]]
    assert not [path for path in home.rglob("*") if path.suffix in (".pkl", ".pickle")]
