"""What a trial costs beside its training: 200 empty trials through the whole path, MLflow on.

    python benchmarks/overhead.py [--trials 200] [--searches 5] [--output benchmarks/results]

An empty trial reports one epoch of four folds and trains nothing; its settings are the composer's, so that proposing
them costs what it costs in a real search. Times are read from the events that the driver sees. Start-up is not among
them, nor is MLflow's: it makes its tables beforehand, for trials that end while it makes them would pay for no writing.
A figure is the median of several searches: fifty trials last about a second, in which a machine does other things too.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from summary import figure

from cluster.session import connect
from models.composer.spec import ComposerSpec
from models.family import Baseline, EpochReport, Preset
from models.metrics import CV_LOSS, NATS_PER_NOTE, TRAIN_LOSS, FoldValues, Metric
from models.spec import Value
from search.spec.file import parse
from search.study.observer import SilentObserver
from search.study.states import StateName
from search.tracking.runs import default_uri, quieten

MOST_SECONDS = 0.15
MOST_GROWTH = 1.1


class EmptyTraining:
    """Reports and does nothing."""

    num_parameters = 0

    def __init__(self, spec: ComposerSpec, trial: int) -> None:
        """Take the settings, which decide the loss."""
        self._spec, self._trial = spec, trial

    def epochs(self) -> Iterator[EpochReport]:
        """Report each epoch at once."""
        for epoch in range(1, self._spec.epochs + 1):
            level = self._spec.dropout + abs(self._spec.lr - 5e-3) + 1 / epoch
            values = FoldValues(tuple(level + 0.01 * fold for fold in range(4)))
            yield EpochReport(epoch, dict.fromkeys(("nats_per_note", "cv_loss", "train_loss"), values), 0.0)

    def state(self) -> dict[str, Any]:
        """Keep nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up nothing."""

    def weights(self) -> Mapping[str, Any]:
        """Have none."""
        return {}

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """Have none."""
        return {}


@dataclass(frozen=True)
class EmptyData:
    """No pieces."""

    fingerprint: str = "none"


@dataclass(frozen=True)
class EmptyFamily:
    """The composer's settings without the composer."""

    name: str = "composer"
    summary: str = "nothing"
    spec_type: type[ComposerSpec] = ComposerSpec
    data_kind: str = "none"
    use: str = ""
    not_for: str = ""
    metrics: Sequence[Metric] = (NATS_PER_NOTE, CV_LOSS, TRAIN_LOSS)

    @property
    def presets(self) -> Mapping[str, Preset]:
        """Have none."""
        return {}

    def remarks(self, tried: Mapping[str, Container[object]], data: object) -> Sequence[str]:
        """Remark on nothing."""
        del tried, data
        return ()

    def start(self, spec: ComposerSpec, data: object, *, seed: int, trial: int, device: str) -> EmptyTraining:
        """Start nothing."""
        del data, seed, device
        return EmptyTraining(spec, trial)

    def score(self, trained: Path, data: object, learnt: object) -> Any:
        """Score nothing."""
        del trained, data, learnt

    def pictures(self, trained: Path, data: object) -> Sequence[Any]:
        """Draw nothing."""
        del trained, data
        return ()

    def baselines(self, data: object, progress: object = None) -> Sequence[Baseline]:
        """Have none."""
        del data, progress
        return ()


class Clock(SilentObserver):
    """Notes when trials start and end."""

    def __init__(self) -> None:
        """Begin without events."""
        self.started: list[float] = []
        self.ended: list[float] = []

    def trial_started(self, number: int, values: Mapping[str, Value]) -> None:
        """Note a start."""
        del number, values
        self.started.append(time.perf_counter())

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Note an end."""
        assert state in ("COMPLETE", "PRUNED"), (number, state, reason)
        self.ended.append(time.perf_counter())


def make_tables(home: Path) -> None:
    """Have MLflow imported and its store ready."""
    quieten()
    from mlflow import MlflowClient  # noqa: PLC0415  (it takes its settings when it is imported)

    MlflowClient(tracking_uri=default_uri(home)).get_experiment("0")


def measure(num_trials: int, home: Path) -> dict[str, float]:
    """Run one search and give seconds a trial."""
    text = f'name = "empty"\n[budget]\ntrials = {num_trials}\nepochs = 1\ntime = "none"\n[scheduler]\nfirst_rung = 1\n'
    family = EmptyFamily()
    search = parse(text, "overhead", family=family)
    clock = Clock()
    with connect(num_cpus=2):
        from search.driver.search_run import SearchTask, Workers, run  # noqa: PLC0415  (Ray is quiet if nothing imports it before it is connected)

        make_tables(home)
        outcome = run(SearchTask(search, family, EmptyData(), "none", home), clock, Workers(slots=2))
        ran = time.perf_counter()
    assert len(outcome.trials) == num_trials, len(outcome.trials)
    assert not outcome.messages, outcome.messages
    began = clock.ended[0]  # by then both workers have what they import
    steps = [after - before for before, after in pairwise(clock.ended)]
    first, last = statistics.median(steps[:50]), statistics.median(steps[-50:])  # a pause of the machine is no growth
    return {
        "seconds_a_trial": (clock.ended[-1] - began) / (num_trials - 1),
        "seconds_a_trial_until_mlflow_has_all": (ran - began) / (num_trials - 1),
        "median": statistics.median(steps),
        "first_50": first,
        "last_50": last,
        "growth": last / first,
    }


def measure_all(num_trials: int, num_searches: int) -> dict[str, Any]:
    """Run the searches, each from nothing, and give every one's numbers and the figures."""
    searches: list[dict[str, float]] = []
    for _ in range(num_searches):
        with tempfile.TemporaryDirectory() as home:
            searches.append(measure(num_trials, Path(home)))
    each, growth = (statistics.median(one[key] for one in searches) for key in ("seconds_a_trial", "growth"))
    return {
        "trials": num_trials,
        "searches": [{key: round(value, 4) for key, value in one.items()} for one in searches],
        "figures": [
            figure("an empty trial, s", each, at_most=MOST_SECONDS),
            figure("the last 50 empty trials over the first 50", growth, at_most=MOST_GROWTH),
        ],
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--searches", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    result = measure_all(options.trials, options.searches)
    result["machine"] = f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs"
    print(json.dumps(result, indent=2))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "overhead.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
