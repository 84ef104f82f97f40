"""Overhead of a trial in addition to its training: 200 empty trials through study, scheduler and MLflow.

    python benchmarks/overhead.py [--trials 200] [--searches 5] [--output benchmarks/results]

An empty trial reports one epoch of four folds and trains nothing. Its hyperparameters are the composer's, so sampling
them takes as long as in a real search. Times are those of the events in the driver. Start-up is not included. MLflow's
tables are created before the search, because trials that end while they are created would not wait for any write. A
figure is the median of several searches: fifty trials take about a second, in which other processes run too.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ray import cloudpickle  # pyright: ignore[reportMissingTypeStubs]
from summary import figure, write

from cluster.session import connect as connect_ray
from models.composer.family import Composer
from models.composer.spec import ComposerSpec
from models.family import Baseline, EpochReport, Preset
from models.metrics import CV_LOSS, NATS_PER_NOTE, TRAIN_LOSS, FoldValues, Metric
from models.spec import Value
from search.spec.file import parse
from search.study.observer import SilentObserver
from search.study.states import StateName
from search.tracking.client import connect, default_uri, quieten

# Ray's workers do not import from this folder, so send them this module by value.
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # pyright: ignore[reportUnknownMemberType]

MOST_SECONDS = 0.15
MOST_GROWTH = 2.0
"""Optuna's TPE reads all earlier trials for each sample."""


class EmptyTraining:
    """Report epochs without training."""

    num_parameters = 0

    def __init__(self, spec: ComposerSpec, trial: int) -> None:
        """Store the hyperparameters, which determine the loss."""
        self._spec, self._trial = spec, trial

    def epochs(self) -> Iterator[EpochReport]:
        """Report all epochs immediately."""
        for epoch in range(1, self._spec.epochs + 1):
            level = self._spec.dropout + abs(self._spec.lr - 5e-3) + 1 / epoch
            values = FoldValues(tuple(level + 0.01 * fold for fold in range(4)))
            yield EpochReport(epoch, dict.fromkeys(("nats_per_note", "cv_loss", "train_loss"), values), 0.0)

    def state(self) -> dict[str, Any]:
        """Return an empty state."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Do nothing."""

    def weights(self) -> Mapping[str, Any]:
        """Return no weights."""
        return {}

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """An empty vocabulary."""
        return {}


@dataclass(frozen=True)
class EmptyData:
    """No pieces."""

    fingerprint: str = "none"


@dataclass(frozen=True)
class EmptyFamily:
    """The composer's hyperparameters without the composer."""

    name: str = "composer"
    summary: str = "nothing"
    spec_type: type[ComposerSpec] = ComposerSpec
    data_kind: str = "none"
    folder: Path | None = Composer.folder
    not_for: str = ""
    metrics: Sequence[Metric] = (NATS_PER_NOTE, CV_LOSS, TRAIN_LOSS)
    columns: Sequence[Metric] = (NATS_PER_NOTE, CV_LOSS)

    @property
    def presets(self) -> Mapping[str, Preset]:
        """No presets."""
        return {}

    def remarks(self, tried: Mapping[str, Container[object]], data: object) -> Sequence[str]:
        """Return no remarks."""
        del tried, data
        return ()

    def start(self, spec: ComposerSpec, data: object, *, seed: int, trial: int, device: str) -> EmptyTraining:
        """Start an empty training."""
        del data, seed, device
        return EmptyTraining(spec, trial)

    def score(self, trained: Path, data: object, learnt: object) -> Any:
        """Return no scores."""
        del trained, data, learnt

    def serving(self) -> Any:
        """Serve nothing."""

    def pictures(self, trained: Path, data: object) -> Sequence[Any]:
        """Return no pictures."""
        del trained, data
        return ()

    def baselines(self, data: object, progress: object = None) -> Sequence[Baseline]:
        """Return no baselines."""
        del data, progress
        return ()


class Clock(SilentObserver):
    """Record when trials start and end."""

    def __init__(self) -> None:
        """Start without events."""
        self.started: list[float] = []
        self.ended: list[float] = []

    def trial_started(self, number: int, values: Mapping[str, Value], confirms: int | None = None) -> None:
        """Record a start."""
        del number, values, confirms
        self.started.append(time.perf_counter())

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Record an end."""
        assert state in ("COMPLETE", "PRUNED"), (number, state, reason)
        self.ended.append(time.perf_counter())


def make_tables(home: Path) -> None:
    """Import MLflow and create the tables of its store."""
    quieten()
    connect(default_uri(home)).get_experiment("0")


def measure(num_trials: int, home: Path) -> dict[str, float]:
    """Run one search, and return the times per trial (seconds)."""
    text = f'name = "empty"\n[budget]\ntrials = {num_trials}\nepochs = 1\ntime = "none"\n[scheduler]\nfirst_rung = 1\n'
    family = EmptyFamily()
    search = parse(text, "overhead", family=family)
    clock = Clock()
    with connect_ray(num_cpus=2):
        from search.driver.search_run import SearchTask, Workers, run

        make_tables(home)
        outcome = run(SearchTask(search, family, EmptyData(), "none", home), clock, Workers(slots=2))
        ran = time.perf_counter()
    assert len(outcome.trials) == num_trials, len(outcome.trials)
    assert not outcome.messages, outcome.messages
    began = clock.ended[0]  # from here on, both workers have finished their imports
    steps = [after - before for before, after in pairwise(clock.ended)]
    first, last = (
        statistics.median(steps[:50]),
        statistics.median(steps[-50:]),
    )  # medians, because a pause of the machine is not growth
    return {
        "seconds_a_trial": (clock.ended[-1] - began) / (num_trials - 1),
        "seconds_a_trial_until_mlflow_has_all": (ran - began) / (num_trials - 1),
        "median": statistics.median(steps),
        "first_50": first,
        "last_50": last,
        "growth": last / first,
    }


def measure_all(num_trials: int, num_searches: int) -> dict[str, Any]:
    """Run the searches, each in a new home folder, and return their times and the figures."""
    searches: list[dict[str, float]] = []
    for _ in range(num_searches):
        with tempfile.TemporaryDirectory() as home:
            searches.append(measure(num_trials, Path(home)))
    seconds, growth = (statistics.median(search[key] for search in searches) for key in ("seconds_a_trial", "growth"))
    return {
        "trials": num_trials,
        "searches": [{key: round(value, 4) for key, value in search.items()} for search in searches],
        "figures": [
            figure("an empty trial, s", seconds, at_most=MOST_SECONDS),
            figure("the last 50 empty trials over the first 50", growth, at_most=MOST_GROWTH),
        ],
    }


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--searches", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    result = measure_all(options.trials, options.searches)
    result["machine"] = f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs"
    print(json.dumps(result, indent=2))
    return write(result, options.output / "overhead.json")


if __name__ == "__main__":
    sys.exit(main())
