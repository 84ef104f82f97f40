"""Size of a registered model, and the time to load it with MLflow and to answer a request over HTTP.

    python benchmarks/serving.py

A composer with the default hyperparameters on O'Neill's tunes and a StyleNet on the built-in synthetic corpus are
trained for one epoch; the times do not depend on how well a model is trained. Each is packaged and served by ``mlflow
models serve``. Loading is timed in a new process after MLflow is imported, the import of torch included. A request is
for a tune of sixteen bars, or a piece of two hundred notes; the result is the median of many requests.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lockstep import hardware
from programs.server import ask, running
from summary import figure, write

from data_prep.prepared.corpus import prepare
from data_prep.prepared.refitting import for_refit
from data_prep.randomness import stream
from models.families import FAMILIES
from models.training import checkpoint
from search.promotion.package import package
from search.tracking.client import quieten

SIZE_LIMIT, LOAD_LIMIT, HTTP_LIMIT = 5.0, 3.0, 50.0
RESULT = Path(__file__).parent / "results" / "serving.json"
CORPORA = {"composer": "oneills", "stylenet": "synthetic"}
REQUESTS = 60

LOAD = """
import sys, time
import mlflow.pyfunc
began = time.perf_counter()
mlflow.pyfunc.load_model(sys.argv[1])
print(time.perf_counter() - began)
"""


def request_of(family: str) -> dict[str, Any]:
    """Return the row of a request to a model of a family."""
    if family == "composer":
        return {"bars": 16, "key": "D", "metre": "4/4", "temperature": 0.9, "top_p": 0.95, "seed": 1}
    random = stream(0, "benchmark request")
    onset = (random.integers(0, 2, 200).cumsum() / 4).tolist()
    return {"pitch": random.integers(36, 97, 200).tolist(), "onset": onset, "duration": [0.5] * 200}


def packaged(name: str, folder: Path) -> Path:
    """Train a model as for a promotion, package it, and return its folder."""
    from search.promotion.serving import sha256

    family = FAMILIES[name]
    data = prepare(CORPORA[name], kind=family.data_kind).data
    spec = family.spec_type.from_values({"epochs": 1})
    training = family.start(spec, for_refit(data), seed=0, trial=0, device="cpu")
    for _ in training.epochs():
        pass
    path = folder / f"{name}.pt"
    checkpoint.save(path, training.weights(), spec, {"family": name, "vocabulary": training.vocabulary})
    package(name, path, folder / name, sha256=sha256(path), card="# A benchmark's model\n", evidence={})
    return folder / name


def milliseconds(address: str, row: dict[str, Any]) -> float:
    """Return the median time of a request (milliseconds)."""
    times: list[float] = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        ask(f"{address}/invocations", {"dataframe_records": [row]})
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[5:])


def measured(name: str, folder: Path) -> list[dict[str, Any]]:
    """Return the figures of a family's model."""
    model = packaged(name, folder)
    size = (folder / f"{name}.pt").stat().st_size / 1e6
    load = min(
        float(subprocess.run([sys.executable, "-c", LOAD, str(model)], capture_output=True, check=True).stdout)
        for _ in range(3)
    )
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local"]
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with running(command, {**os.environ, "PATH": programs, "OMP_NUM_THREADS": "1"}, "ping") as address:
        answer = milliseconds(address, request_of(name))
    print(f"{name}: {size:.2f} MB, loaded in {load:.2f} s, an answer over HTTP in {answer:.1f} ms")
    return [
        figure(f"a registered {name}'s file, MB", size, at_most=SIZE_LIMIT),
        figure(f"loading it by MLflow, {name}, s", load, at_most=LOAD_LIMIT),
        figure(f"an answer over HTTP, {name}, ms", answer, at_most=HTTP_LIMIT),
    ]


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULT, help="the JSON file to write")
    arguments = parser.parse_args()
    quieten()
    with tempfile.TemporaryDirectory() as folder:
        figures = [row for name in CORPORA for row in measured(name, Path(folder))]
    result = {"hardware": hardware(), "figures": figures}
    return write(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
