"""Time to print the help, to compile the kernels, to the first epoch of a search, and from Ctrl-C to the prompt.

    python benchmarks/startup.py

The commands are run in an empty folder. When the search starts, the tunes and the compiled kernels are in the cache.
"""

import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from summary import RESULTS, figure, write

HELP_LIMIT = 0.5
BUILD_LIMIT = 20.0
FIRST_EPOCH_LIMIT = 12.0
PROMPT_LIMIT = 10.0
TURNS = 5

_TUNESMITH = str(Path(sys.executable).with_name("tunesmith"))


def time_help(folder: Path, environment: dict[str, str]) -> float:
    """Return the median time of ``tunesmith --help`` (seconds)."""
    taken: list[float] = []
    for _ in range(TURNS):
        began = time.perf_counter()
        subprocess.run([_TUNESMITH, "--help"], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def time_build(folder: Path, environment: dict[str, str]) -> float:
    """Return the time of compiling the C++ kernels in a fresh process (seconds)."""
    program = "from models.folded.preparation import prepare; assert not prepare('native', print)"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", program], cwd=folder, env=environment, check=True, stdout=sys.stderr)
    return time.perf_counter() - began


def time_search(folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Return the times from the command to its first epoch, and from Ctrl-C to its end (seconds)."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [_TUNESMITH, "search", "composer"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that Ctrl-C is sent to this process group only
    )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "first epoch" in line:
            break
    assert "first epoch" in lines[-1], "".join(lines)
    first_epoch = time.perf_counter() - began
    began = time.perf_counter()
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 130, rest  # noqa: PLR2004  (the exit status that shells use for Ctrl-C)
    return first_epoch, time.perf_counter() - began


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as folder:
        root = str(Path(__file__).parents[1])
        environment = {**os.environ, "TUNESMITH_CACHE": cache, "PYTHONPATH": root}
        prepare = [_TUNESMITH, "data", "prepare", "oneills"]
        subprocess.run(prepare, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        seconds_help = time_help(Path(folder), environment)
        build = time_build(Path(folder), environment)
        first_epoch, prompt = time_search(Path(folder), environment)
    result: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "figures": [
            figure("tunesmith --help, s", seconds_help, at_most=HELP_LIMIT),
            figure("compiling the C++ kernels, s", build, at_most=BUILD_LIMIT),
            figure("first epoch of tunesmith search composer, s", first_epoch, at_most=FIRST_EPOCH_LIMIT),
            figure("prompt after Ctrl-C, s", prompt, at_most=PROMPT_LIMIT),
        ],
    }
    print(json.dumps(result, indent=2))
    return write(result, RESULTS / "startup.json")


if __name__ == "__main__":
    sys.exit(main())
