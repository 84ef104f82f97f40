"""A search of 2,000 trials: the driver's time and memory per trial, and how long a user waits.

    python benchmarks/scale.py [--trials 2000] [--output benchmarks/results]

The trials are empty: they report up to four epochs of four folds and train nothing. ASHA stops half of them at each
rung; they have the composer's hyperparameters, and MLflow is on. Growth is measured by the CPU time of the driver's
thread and by medians, because other processes run too. Then three processes are timed: tunesmith trials, MLflow's
server with the requests that its pages make, and the same search resumed with more trials.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from overhead import EmptyData, EmptyFamily, make_tables
from programs.server import ask, running
from summary import figure, write

from cluster.session import connect
from models.spec import Value
from search.spec.file import SearchSpec, parse
from search.study.observer import SilentObserver
from search.study.states import StateName
from search.tracking.client import default_uri

MOST_SECONDS = 0.15
MOST_GROWTH = 5.0
"""Optuna's TPE reads all earlier trials for each sample."""

MOST_KILOBYTES = 50.0
LIST_LIMIT = PAGE_LIMIT = 2.0
RESUME_LIMIT = 10.0

WARM_UP, PART = 50, 250
TURNS = 3
NAME = "empty"
PATIENCE_S = 300

_TUNESMITH = str(Path(sys.executable).with_name("tunesmith"))
_PAGE_SIZE = resource.getpagesize()


def search_of(num_trials: int) -> SearchSpec:
    """Return a search with that many empty trials."""
    budget = f'[budget]\ntrials = {num_trials}\nepochs = 4\ntime = "none"\n[scheduler]\nfirst_rung = 1\nreduction = 2\n'
    return parse(f'name = "{NAME}"\n{budget}', "scale", family=EmptyFamily())


class Gauge(SilentObserver):
    """Record the time, the CPU time of the driver's thread and the driver's memory at the end of each trial."""

    def __init__(self) -> None:
        """Start without trials."""
        self.wall: list[float] = []
        self.processor: list[float] = []
        self.memory: list[float] = []

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Record an end."""
        assert state in ("COMPLETE", "PRUNED"), (number, state, reason)
        self.wall.append(time.perf_counter())
        self.processor.append(time.thread_time())
        self.memory.append(resident())


def resident() -> float:
    """Return the resident memory of this process in KB."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_SIZE / 1024


def run_search(num_trials: int, home: Path) -> dict[str, Any]:
    """Run the search in this process, and return the times and memory of its trials, in parts of 250."""
    family, gauge = EmptyFamily(), Gauge()
    with connect(num_cpus=2):
        from search.driver.search_run import SearchTask, Workers, run

        make_tables(home)
        task = SearchTask(search_of(num_trials), family, EmptyData(), "none", home)
        outcome = run(task, gauge, Workers(slots=2))
        ran = time.perf_counter()
    assert len(outcome.trials) == num_trials, len(outcome.trials)
    assert not outcome.messages, outcome.messages
    wall, processor = np.array(gauge.wall[WARM_UP:]), np.array(gauge.processor[WARM_UP:])
    memory = np.array(gauge.memory[WARM_UP:])
    edges = range(0, len(wall) - PART, PART)
    slices = [slice(edge, edge + PART + 1) for edge in edges]
    return {
        "epochs": sum(len(trial.epochs) for trial in outcome.trials),
        "milliseconds_a_trial": [round(1000 * float(np.median(np.diff(wall[part]))), 1) for part in slices],
        "driver_milliseconds_a_trial": [round(1000 * float(np.diff(processor[part]).mean()), 1) for part in slices],
        "kilobytes_a_trial": [round(float(slope(memory[part])), 1) for part in slices],
        "megabytes_at_the_end": round(gauge.memory[-1] / 1024),
        "seconds_a_trial": float(wall[-1] - wall[0]) / (len(wall) - 1),
        "seconds_until_mlflow_has_all": round(ran - gauge.wall[-1], 1),
        "growth": float(np.diff(processor[-PART:]).mean() / np.diff(processor[:PART]).mean()),
        "slope": float(slope(memory)),
    }


def slope(values: "np.ndarray[Any, Any]") -> float:
    """Return the least-squares growth per step."""
    return float(np.polyfit(np.arange(len(values)), values, 1)[0])


def time_list(home: Path) -> tuple[float, float]:
    """Return the minimum time of ``tunesmith trials`` over some runs, and the CPU time of a run (seconds)."""
    taken: list[float] = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(TURNS):
        began = time.perf_counter()
        command = [_TUNESMITH, "trials", NAME, "--home", str(home)]
        listed = subprocess.run(command, env=environment(), check=True, capture_output=True, text=True).stdout
        taken.append(time.perf_counter() - began)
        assert listed.count("stopped early") > PART, listed[:1000]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return min(taken), processor / TURNS


def environment() -> dict[str, str]:
    """Return the environment of a process that uses this checkout."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "MLFLOW_DISABLE_TELEMETRY": "true"}


def time_pages(home: Path) -> dict[str, float]:
    """Return the time of each request that MLflow's pages make, the maximum over some runs (seconds)."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", default_uri(home), "--workers", "1"]
    with running(command, {**environment(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}, "health") as address:
        api = f"{address}/ajax-api/2.0/mlflow"
        named = json.loads(ask(f"{api}/experiments/get-by-name?experiment_name=composer"))
        everything = {
            "experiment_ids": [named["experiment"]["experiment_id"]],
            "filter": "",
            "run_view_type": "ACTIVE_ONLY",
            "max_results": 100,
        }
        newest = {**everything, "order_by": ["attributes.start_time DESC"]}
        best = {**everything, "order_by": ["metrics.`nats_per_note` ASC"]}
        runs = json.loads(ask(f"{api}/runs/search", newest))["runs"]
        assert len(runs) == everything["max_results"]
        run = runs[0]["info"]["run_id"]
        requests: list[tuple[str, str, Mapping[str, Any] | None]] = [
            ("the page itself", address, None),
            ("the experiments", f"{api}/experiments/search", {"max_results": 25}),
            ("100 runs, the newest first", f"{api}/runs/search", newest),
            ("100 runs, the best first", f"{api}/runs/search", best),
            ("a run", f"{api}/runs/get?run_id={run}", None),
            ("a run's curve", f"{api}/metrics/get-history?run_id={run}&metric_key=nats_per_note", None),
        ]
        return {name: round(max(seconds_of(ask, path, body) for _ in range(TURNS)), 3) for name, path, body in requests}


def seconds_of(call: Any, *arguments: Any) -> float:
    """Return the time of a call (seconds)."""
    began = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - began


class Announcer(SilentObserver):
    """Print a line when the first trial starts."""

    def __init__(self) -> None:
        """Start before the first trial."""
        self._announced = False

    def trial_started(self, number: int, values: Mapping[str, Value], confirms: int | None = None) -> None:
        """Print the number of the first trial."""
        del values, confirms
        if not self._announced:
            print(f"started {number}", flush=True)
        self._announced = True


def resume(home: Path, num_trials: int) -> None:
    """Resume the search; this is run in a new process."""
    family = EmptyFamily()
    with connect(num_cpus=2):
        from search.driver.search_run import SearchTask, Workers, run

        run(SearchTask(search_of(num_trials), family, EmptyData(), "none", home), Announcer(), Workers(slots=2))


def time_start(home: Path, num_trials: int) -> float:
    """Return the time from starting a process to its first trial, including imports and Ray's start (seconds)."""
    began = time.perf_counter()
    command = [sys.executable, __file__, "--resume", str(home), "--trials", str(num_trials)]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = next(process.stdout)
    taken = time.perf_counter() - began
    assert line.startswith("started"), line
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    return taken


def figures(search: Mapping[str, Any], listed: float, pages: Mapping[str, float], start: float) -> list[dict[str, Any]]:
    """Return the figures with their limits."""
    return [
        figure("an empty trial among 2,000, s", search["seconds_a_trial"], at_most=MOST_SECONDS),
        figure("the driver's time of the last 250 trials over the first 250", search["growth"], at_most=MOST_GROWTH),
        figure("the driver's memory a trial, KB", search["slope"], at_most=MOST_KILOBYTES),
        figure("tunesmith trials of 2,000 trials, s", listed, at_most=LIST_LIMIT),
        figure("the slowest request of MLflow's pages, 2,000 runs, s", max(pages.values()), at_most=PAGE_LIMIT),
        figure("from the command to the first trial, 2,000 before, s", start, at_most=RESUME_LIMIT),
    ]


def measure(num_trials: int) -> dict[str, Any]:
    """Run the search and time the processes."""
    with tempfile.TemporaryDirectory() as fresh, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        search = run_search(num_trials, home)
        print(json.dumps(search), flush=True)
        (listed, processor), pages = time_list(home), time_pages(home)
        starts = [time_start(home, num_trials + 4 * turn) for turn in range(1, TURNS)]
        from_nothing = time_start(Path(fresh), 4)
        sizes = {name: (home / name).stat().st_size for name in (f"searches/{NAME}/study.journal", "mlflow.db")}
    rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in search.items()}
    return {
        "trials": num_trials,
        "search": rounded,
        "bytes": sizes,
        "list_processor_seconds": round(processor, 3),
        "mlflow_seconds": pages,
        "start_seconds": {
            "2,000 trials before": [round(seconds, 2) for seconds in starts],
            "none": round(from_nothing, 2),
        },
        "figures": figures(search, listed, pages, statistics.median(starts)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--resume", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.resume:
        resume(options.resume, options.trials)
        return 0
    result = measure(options.trials)
    result["machine"] = f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs"
    print(json.dumps(result, indent=2))
    return write(result, options.output / "scale.json")


if __name__ == "__main__":
    sys.exit(main())
