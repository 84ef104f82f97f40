"""Time from a click in ``tunesmith studio`` to the engraved tune, compared with a new process of ``tunesmith compose``.

    python benchmarks/studio.py

Both have one core and the model of ``composing.py``. A request is timed from the connection to the last byte of its
answer, which has the notes and the page; the first one is sent as soon as the studio prints its address. The command
writes MIDI and the page. Results are medians.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from composing import train
from lockstep import hardware
from summary import RESULTS, figure, write

from tests.ray_cluster import free_port

BARS, TURNS = 16, 9
CLICK_LIMIT, FIRST_LIMIT, AGAIN_LIMIT, RATIO_LIMIT = 1.0, 5.0, 1.0, 4.0
ROOT = Path(__file__).resolve().parent.parent
OPTIONS = {"bars": BARS, "key": "D", "metre": "4/4", "top_p": 0.95}


def ask(url: str, value: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Send a request; return its time (seconds) and its answer."""
    request = urllib.request.Request(url, json.dumps(value).encode(), {"Content-Type": "application/json"})  # noqa: S310
    began = time.perf_counter()
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        data = answer.read()
    return time.perf_counter() - began, json.loads(data)


def studio(model: Path, home: Path, environment: dict[str, str]) -> dict[str, float]:
    """Time requests to a studio."""
    port = free_port()
    command = [sys.executable, "-m", "tunesmith", "studio", "--model", str(model), "--home", str(home)]
    with subprocess.Popen(
        [*command, "--port", str(port), "--no-open"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            url = process.stderr.readline().split()[0]
            first, tune = ask(f"{url}compose", {**OPTIONS, "seed": 0})
            clicks = [ask(f"{url}compose", {**OPTIONS, "seed": seed})[0] for seed in range(1, TURNS + 1)]
            wanted = {"source": tune["id"], "how": "composed again", "keep": [1, 2, 5, 6, 9, 10, 13, 14]}
            again = [ask(f"{url}again", {**wanted, "options": {**OPTIONS, "seed": seed}})[0] for seed in range(TURNS)]
        finally:
            process.terminate()
    return {"first": first, "click": statistics.median(clicks), "again": statistics.median(again)}


def command_seconds(model: Path, folder: Path, environment: dict[str, str]) -> float:
    """Return the median time of the command (seconds)."""
    options = ["--bars", str(BARS), "--key", "D", "--metre", "4/4", "--top-p", "0.95", "--formats", "midi,svg"]
    command = [sys.executable, "-m", "tunesmith", "compose", "--model", str(model), *options, "--no-report"]
    taken: list[float] = []
    for seed in range(3):
        began = time.perf_counter()
        own = ["--seed", str(seed), "--out", str(folder), "--home", str(folder)]
        subprocess.run([*command, *own], env=environment, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # inherited by the programs
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(folder / "model.pt")
        seconds = studio(folder / "model.pt", folder / "home", environment)
        command = command_seconds(folder / "model.pt", folder / "composed", environment)
    result: dict[str, Any] = {
        "hardware": hardware(),
        "seconds": {**seconds, "command": command},
        "figures": [
            figure("studio, from a click to the tune, s", seconds["click"], at_most=CLICK_LIMIT),
            figure("studio, the first click, at once after its start, s", seconds["first"], at_most=FIRST_LIMIT),
            figure("studio, eight of 16 bars composed again, s", seconds["again"], at_most=AGAIN_LIMIT),
            figure("tunesmith compose, times as long as a click", command / seconds["click"], at_least=RATIO_LIMIT),
        ],
    }
    print(json.dumps(result, indent=2))
    return write(result, RESULTS / "studio.json")


if __name__ == "__main__":
    sys.exit(main())
