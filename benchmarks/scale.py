"""Two thousand trials in one search: what each costs the driver, late as early, and how long a user waits for anything.

    python benchmarks/scale.py [--trials 2000] [--output benchmarks/results]

The trials are empty: they report up to four epochs of four folds, ASHA stops half of them at each, and train nothing,
with the composer's settings and MLflow on. What is flat is told by the processor time of the driver's own thread and
by medians, for a machine does other things too. Then whole processes: tunesmith trials, MLflow's server on the search's
store with the requests that its pages make, and the same search started again with more trials.
"""

import argparse
import json
import os
import platform
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from overhead import EmptyData, EmptyFamily, make_tables
from summary import figure

from cluster.session import connect
from models.spec import Value
from search.spec.file import SearchSpec, parse
from search.study.observer import SilentObserver
from search.study.states import StateName
from search.tracking.runs import default_uri

MOST_SECONDS = 0.15
MOST_GROWTH = 1.5
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
    """Make the search."""
    budget = f'[budget]\ntrials = {num_trials}\nepochs = 4\ntime = "none"\n[scheduler]\nfirst_rung = 1\nreduction = 2\n'
    return parse(f'name = "{NAME}"\n{budget}', "scale", family=EmptyFamily())


class Gauge(SilentObserver):
    """Notes at the end of each trial the time, the processor time of the driver's thread, and the memory it holds."""

    def __init__(self) -> None:
        """Begin without trials."""
        self.wall: list[float] = []
        self.processor: list[float] = []
        self.memory: list[float] = []

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Note an end."""
        assert state in ("COMPLETE", "PRUNED"), (number, state, reason)
        self.wall.append(time.perf_counter())
        self.processor.append(time.thread_time())
        self.memory.append(resident())


def resident() -> float:
    """Give the memory that this process holds, in KB."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_SIZE / 1024


def run_search(num_trials: int, home: Path) -> dict[str, Any]:
    """Run the search in this process and give what its trials took, in parts of 250."""
    family, gauge = EmptyFamily(), Gauge()
    with connect(num_cpus=2):
        from search.driver.search_run import SearchTask, Workers, run  # noqa: PLC0415  (Ray is quiet if nothing imports it before it is connected)

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
        "milliseconds_a_trial": [round(1000 * float(np.median(np.diff(wall[one]))), 1) for one in slices],
        "driver_milliseconds_a_trial": [round(1000 * float(np.diff(processor[one]).mean()), 1) for one in slices],
        "kilobytes_a_trial": [round(float(slope(memory[one])), 1) for one in slices],
        "megabytes_at_the_end": round(gauge.memory[-1] / 1024),
        "seconds_a_trial": float(wall[-1] - wall[0]) / (len(wall) - 1),
        "seconds_until_mlflow_has_all": round(ran - gauge.wall[-1], 1),
        "growth": float(np.diff(processor[-PART:]).mean() / np.diff(processor[:PART]).mean()),
        "slope": float(slope(memory)),
    }


def slope(values: "np.ndarray[Any, Any]") -> float:
    """Give the least-squares growth a step."""
    return float(np.polyfit(np.arange(len(values)), values, 1)[0])


def time_list(home: Path) -> tuple[float, float]:
    """Give the seconds of a whole ``tunesmith trials``, the least of some, and the processor's of one."""
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
    """Give what a process of this checkout needs."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "MLFLOW_DISABLE_TELEMETRY": "true"}


@contextmanager
def mlflow_server(home: Path) -> Generator[str]:
    """Serve the home's store as ``tunesmith ui`` does, on a free port, and give the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", default_uri(home)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(
        command,
        env={**environment(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def time_pages(home: Path) -> dict[str, float]:
    """Give the seconds that MLflow's server takes for what its pages ask, the slowest of some for each."""
    with mlflow_server(home) as address:

        def ask(path: str, body: Mapping[str, Any] | None = None) -> bytes:
            data = None if body is None else json.dumps(body).encode()
            asked = urllib.request.Request(f"{address}/{path}", data, {"Content-Type": "application/json"})  # noqa: S310  (http)
            with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
                return answer.read()

        api = "ajax-api/2.0/mlflow"
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
            ("the page itself", "", None),
            ("the experiments", f"{api}/experiments/search", {"max_results": 25}),
            ("100 runs, the newest first", f"{api}/runs/search", newest),
            ("100 runs, the best first", f"{api}/runs/search", best),
            ("a run", f"{api}/runs/get?run_id={run}", None),
            ("a run's curve", f"{api}/metrics/get-history?run_id={run}&metric_key=nats_per_note", None),
        ]
        return {what: round(max(seconds_of(ask, path, body) for _ in range(TURNS)), 3) for what, path, body in requests}


def seconds_of(call: Any, *arguments: Any) -> float:
    """Time a call."""
    began = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - began


class Announcer(SilentObserver):
    """Prints a line when the first trial starts."""

    def __init__(self) -> None:
        """Begin."""
        self._told = False

    def trial_started(self, number: int, values: Mapping[str, Value]) -> None:
        """Print the first."""
        del values
        if not self._told:
            print(f"started {number}", flush=True)
        self._told = True


def resume(home: Path, num_trials: int) -> None:
    """Go on with the search, in a process of its own."""
    family = EmptyFamily()
    with connect(num_cpus=2):
        from search.driver.search_run import SearchTask, Workers, run  # noqa: PLC0415  (as above)

        run(SearchTask(search_of(num_trials), family, EmptyData(), "none", home), Announcer(), Workers(slots=2))


def time_start(home: Path, num_trials: int) -> float:
    """Give the seconds from a new process, imports and Ray's start included, to its first trial."""
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
    """Put everything beside its limit."""
    return [
        figure("an empty trial among 2,000, s", search["seconds_a_trial"], at_most=MOST_SECONDS),
        figure("the driver's time of the last 250 trials over the first 250", search["growth"], at_most=MOST_GROWTH),
        figure("the driver's memory a trial, KB", search["slope"], at_most=MOST_KILOBYTES),
        figure("tunesmith trials of 2,000 trials, s", listed, at_most=LIST_LIMIT),
        figure("the slowest request of MLflow's pages, 2,000 runs, s", max(pages.values()), at_most=PAGE_LIMIT),
        figure("from the command to the first trial, 2,000 before, s", start, at_most=RESUME_LIMIT),
    ]


def measure(num_trials: int) -> dict[str, Any]:
    """Measure all there is to measure."""
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
        "start_seconds": {"2,000 trials before": [round(one, 2) for one in starts], "none": round(from_nothing, 2)},
        "figures": figures(search, listed, pages, statistics.median(starts)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; the exit status is 1 where a limit is missed."""
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
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "scale.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(not all(one["met"] for one in result["figures"]))


if __name__ == "__main__":
    sys.exit(main())
