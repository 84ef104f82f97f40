"""Whole searches: tunesmith compared with a script written by hand, with equal data, budget and machine.

    python benchmarks/peer.py [--seconds 180] [--output benchmarks/results]

The script is ``benchmarks/programs/by_hand.py``. Both search the learning rate and dropout of one model, so every
sample costs the same. Each runs in a separate process, whose time counts from the start of the process. The results are
the numbers of trials and epochs that it finishes within the budget.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from programs.peer_sizes import BATCH, EPOCHS, LENGTH, REDUCTION, RUNG, SIZE, SLOTS, WINDOWS
from summary import figure, write

from cluster.session import connect
from data_prep.prepared.corpus import prepare
from models.families import family
from search.spec.file import parse
from search.study.observer import SilentObserver

EPOCHS_TARGET, TRIALS_TARGET = 4.0, 2.0

OURS = f"""
name = "peer"
[budget]
trials = 100000
epochs = {EPOCHS}
[scheduler]
first_rung = {RUNG}
reduction = {REDUCTION}
[space]
cell = "lstm"
layers = 1
copying = "off"
size = {SIZE}
input = "token"
head = "token"
dropout = {{ low = 0.0, high = 0.5 }}
beat = "off"
transpose = false
augment = 0
optimiser = "adam"
lr = {{ low = 1e-3, high = 1e-2, log = true }}
schedule = "constant"
batch_size = {BATCH}
length = {LENGTH}
windows_per_epoch = {WINDOWS}
"""


def run_ours(seconds: float, home: Path) -> dict[str, int]:
    """Search with tunesmith; return the number of finished trials and of all epochs."""
    data = prepare("oneills").data
    spent = time.time() - started()
    search = parse(OURS, "peer", overrides={"budget.time": f"{seconds - spent:.3f}s"})
    with connect(num_cpus=SLOTS):
        from search.driver.search_run import SearchTask, Workers, run

        left = seconds - (time.time() - started())
        search = search.model_copy(update={"budget": search.budget.model_copy(update={"time": left})})
        task = SearchTask(search, family("composer"), data, data.fingerprint, home)
        outcome = run(task, SilentObserver(), Workers(SLOTS))
    finished = [trial for trial in outcome.trials if trial.state in ("COMPLETE", "PRUNED")]
    return {"trials": len(finished), "epochs": sum(len(trial.epochs) for trial in outcome.trials)}


def started() -> float:
    """Return the start time of this process, passed by its parent (seconds since 1970)."""
    return float(os.environ["PEER_STARTED"])


def measure(command: list[str], seconds: float) -> dict[str, float]:
    """Run a search in a new process, and return its counts and rates."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "PEER_STARTED": str(time.time()), "MLFLOW_DISABLE_TELEMETRY": "true"}
        done = subprocess.run(
            [sys.executable, *command, home], env=environment, stdout=subprocess.PIPE, check=True, text=True
        )
    counts: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return {**counts, **{f"{name}_an_hour": round(counts[name] * 3600 / seconds, 1) for name in ("trials", "epochs")}}


def main() -> int:
    """Measure both sides, print and write; return the exit status, which is 1 if the limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--ours", type=Path, metavar="HOME", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours is not None:
        print(json.dumps(run_ours(options.seconds, options.ours)))
        return 0
    prepare("oneills")  # so that neither side has to read the corpus
    seconds = str(options.seconds)
    by_hand = measure([str(Path(__file__).parent / "programs" / "by_hand.py"), seconds], options.seconds)
    ours = measure([__file__, "--seconds", seconds, "--ours"], options.seconds)
    trials, epochs = (ours[name] / max(by_hand[name], 1e-9) for name in ("trials", "epochs"))
    result = {
        "seconds": options.seconds,
        "by_hand": by_hand,
        "ours": ours,
        "figures": [
            figure("epochs an hour over a script by hand", epochs, at_least=EPOCHS_TARGET),
            figure("trials an hour over a script by hand", trials, at_least=TRIALS_TARGET),
        ],
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, {SLOTS} trials at once",
    }
    print(json.dumps(result, indent=2))
    return write(result, options.output / "peer.json")


if __name__ == "__main__":
    sys.exit(main())
