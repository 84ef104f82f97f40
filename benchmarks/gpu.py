"""What only a GPU can tell: agreement of Triton's kernels, their speed, trials that share the GPU, and its memory.

    python benchmarks/gpu.py [--seconds 1.5]

It takes at most six minutes on an otherwise idle GPU, and ends at once where there is none.

- agreement: the largest relative difference of each cell's outputs and gradients from the reference in float64
- shapes: a training step of the shapes of ``lockstep.py``, by Triton's kernels, by the reference, each also as a CUDA
  graph, by the layers as they choose themselves, and by four separate nn.LSTM models with cuDNN; they take turns
- trials: an epoch of a default composer, then 1 to 16 of them at once, each in its own process, without and with
  NVIDIA's Multi-Process Service (MPS) if its control program is installed
- memory: what these processes really take, compared with what ``models/training/memory.py`` measures for one
"""

import argparse
import json
import math
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from lockstep import NUM_FOLDS, SHAPES, Lockstep, Sequential, Shape, hardware
from summary import figure, write
from torch import Tensor, nn

from data_prep.prepared.corpus import prepare
from models.composer.family import Composer
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.folded.arguments import Cell
from models.folded.layers import RecurrentLayer
from models.folded.linear import linear
from models.folded.optimiser import FoldedOptimiser
from models.folded.reference.lstm import lstm as reference
from models.folded.triton.availability import machine_obstacle
from models.training.memory import PeakMemory, peak_memory

RESULT = Path(__file__).parent / "results" / "gpu.json"
DEVICE = torch.device("cuda")
SIZES = (50, 64, 128, 256)
PROCESSES = (1, 2, 4, 8, 16)
LEAST_TURNS = 3
FASTER, SHARING, MEMORY = 1.5, 2.0, 1.1
"""Limits: Triton over cuDNN in time; 16 trials over one in steps a second; memory taken over predicted."""


def agreement() -> dict[str, float]:
    """Return the largest relative difference of each cell at each size."""
    from models.folded.triton.agreement import largest_difference

    cells = ("rnn", "gru", "lstm", "peephole")
    return {f"{cell} {size}": largest_difference(cell, size, DEVICE, steps=50)[0] for cell in cells for size in SIZES}


@dataclass(frozen=True)
class Through:
    """A recurrent layer that runs through a given function."""

    layer: RecurrentLayer
    run: Callable[..., tuple[Tensor, Any]]

    def from_dense(self, x: Tensor) -> tuple[Tensor, Any]:
        """Return the hidden states, and the last state."""
        pre = linear(x, self.layer.weight, self.layer.bias)
        return self.run(pre, self.layer.recurrent, self.layer.peephole)


def lockstep(cell: Cell, shape: Shape, data: Tensor, run: Callable[..., Any] | None = None) -> Callable[[], None]:
    """Return a training step of all folds on the GPU, through a function or as the layers choose themselves."""
    model = Lockstep(cell, shape, data)
    parameters = [model.embedding, model.weight, model.bias, *nn.ModuleList(model.layers).parameters()]
    for parameter in parameters:
        parameter.data = parameter.data.to(DEVICE)
    model.share = model.share.to(DEVICE)
    if run is not None:
        through: Any = [Through(layer, run) for layer in model.layers]
        model.layers = through
    return model.step


def separate(shape: Shape, data: Tensor) -> Callable[[], None]:
    """Return a training step of one nn.LSTM model after another on the GPU, with cuDNN and the fused Adam."""
    sequential = Sequential("lstm", shape, data, fused=True)
    for embedding, layers, head, _ in sequential.models:
        nn.ModuleList([embedding, *layers, head]).to(DEVICE)
    return sequential.step


def as_graph(step: Callable[[], None]) -> Callable[[], None]:
    """Return the replay of a step's CUDA graph: all its kernels are launched at once."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(LEAST_TURNS):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def median_ms(contenders: Mapping[str, Callable[[], None]], seconds: float) -> dict[str, float]:
    """Return the median time of each contender (ms); they take turns for about ``seconds`` in total."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        contender()
    began = time.perf_counter()
    while len(next(iter(times.values()))) < LEAST_TURNS or time.perf_counter() - began < seconds:
        for name, contender in contenders.items():
            torch.cuda.synchronize()
            start = time.perf_counter()
            contender()
            torch.cuda.synchronize()
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: statistics.median(taken) for name, taken in times.items()}


def shapes(seconds: float) -> Iterator[dict[str, Any]]:
    """Measure the LSTM and the peephole LSTM on all shapes, for about ``seconds`` each."""
    from models.folded.triton.lstm import lstm as kernels

    source = torch.Generator().manual_seed(0)
    for shape in SHAPES:
        data = torch.randint(shape.tokens, (NUM_FOLDS, shape.steps + 1, shape.batch), generator=source).to(DEVICE)
        row: dict[str, Any] = asdict(shape)
        cells: tuple[Cell, ...] = ("lstm", "peephole")
        for cell in cells:
            contenders = {"layers": lockstep(cell, shape, data)}
            for name, run in (("triton", kernels), ("reference", reference)):
                contenders[name] = lockstep(cell, shape, data, run)
                try:
                    contenders[f"{name}, graph"] = as_graph(lockstep(cell, shape, data, run))
                except RuntimeError as error:
                    print(f"no CUDA graph of {name}: {error}")
            if cell == "lstm":
                contenders["cuDNN"] = separate(shape, data)
            row[cell] = median_ms(contenders, seconds)
            print(shape, cell, {name: round(taken, 2) for name, taken in row[cell].items()}, "ms", flush=True)
        yield row


def epoch_seconds(data: Any) -> float:
    """Return the time of an epoch of a default composer, with its scoring, after one that measured the memory."""
    return next(Composer().start(ComposerSpec(), data, seed=0, trial=0, device=DEVICE.type).epochs()).seconds


def trial(connection: Any) -> None:
    """Train in a process of its own: for each time that is received, send the steps per second; None ends it."""
    torch.set_num_threads(1)
    spec, data = ComposerSpec(), prepare("oneills").data
    task = ComposerTask(spec, data, seed=0, trial=0, device=DEVICE.type)
    optimiser = FoldedOptimiser(task.model.parameters(), spec.optimiser, weight_decay=spec.weight_decay, clip=spec.clip)
    losses = (step.loss for epoch in range(1, 10_000) for step in task.losses(epoch))
    for seconds in iter(connection.recv, None):
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            optimiser.step(next(losses), 1e-3)
            count += 1
        torch.cuda.synchronize()
        connection.send(count / (time.perf_counter() - began))


@contextmanager
def trials(count: int) -> Generator[list[Any]]:
    """Start processes that train, and wait until each has taken its first steps."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(count)]
    processes = [context.Process(target=trial, args=(theirs,), daemon=True) for _, theirs in pipes]
    connections = [ours for ours, _ in pipes]
    for process in processes:
        process.start()
    rates(connections, 1.0)
    yield connections
    for connection, process in zip(connections, processes, strict=True):
        connection.send(None)
        process.join()


def rates(connections: list[Any], seconds: float) -> float:
    """Let some processes train at once, and return the steps per second of all together."""
    for connection in connections:
        connection.send(seconds)
    return sum(connection.recv() for connection in connections)


def shared(most: int, seconds: float) -> tuple[dict[int, float], float]:
    """Return the steps per second by the number of trials that train at once, and the memory of each process (bytes).

    All processes are there from the beginning; the others wait.
    """
    before, _ = torch.cuda.mem_get_info()
    with trials(most) as connections:
        speeds = {count: rates(connections[:count], 2 * seconds) for count in PROCESSES if count <= most}
        after, _ = torch.cuda.mem_get_info()
    print({count: round(speed, 1) for count, speed in speeds.items()}, "steps per second", flush=True)
    return speeds, (before - after) / most


@contextmanager
def mps(control: str) -> Generator[None]:
    """Run NVIDIA's Multi-Process Service for processes that are started meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
        subprocess.run([control, "-d"], check=True)
        try:
            yield
        finally:
            subprocess.run([control], input="quit\n", text=True, check=False)
            del os.environ["CUDA_MPS_PIPE_DIRECTORY"], os.environ["CUDA_MPS_LOG_DIRECTORY"]


def sharing(peak: PeakMemory, seconds: float) -> dict[str, Any]:
    """Return speeds and memory of trials that share the GPU, without and with MPS."""
    fitting = peak.total // (peak.tensors + peak.context + 1)
    most = max(count for count in PROCESSES if count <= max(fitting, 1))
    speeds, memory = shared(most, seconds)
    result: dict[str, Any] = {"steps per second": speeds, "memory of a process, bytes": memory}
    control = shutil.which("nvidia-cuda-mps-control")
    if control is None:
        print("MPS is not measured: nvidia-cuda-mps-control is not installed")
    else:
        with mps(control):
            result["steps per second with MPS"], result["memory of a process with MPS, bytes"] = shared(most, seconds)
    return result


def figures(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compare what was measured with the limits."""
    ratios = [row["lstm"]["cuDNN"] / row["lstm"]["triton"] for row in result["shapes"]]
    speeds = result["sharing"].get("steps per second with MPS", result["sharing"]["steps per second"])
    predicted = result["predicted memory"]["tensors"] + result["predicted memory"]["context"]
    taken = result["sharing"]["memory of a process, bytes"] / predicted
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    return [
        figure("GPU: largest difference of Triton's kernels", max(result["agreement"].values()), at_most=1e-4),
        figure("GPU: Triton's LSTM over four cuDNN models, time", mean, at_least=FASTER),
        figure(f"GPU: {max(speeds)} trials at once over one, steps", speeds[max(speeds)] / speeds[1], at_least=SHARING),
        figure("GPU: memory of a trial over that predicted", taken, at_most=MEMORY),
    ]


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULT, help="the JSON file to write")
    parser.add_argument("--seconds", type=float, default=1.5, help="time for each shape and cell")
    arguments = parser.parse_args()
    reason = machine_obstacle(DEVICE)
    if reason is not None:
        print(f"no GPU here that can be measured: {reason}")
        return 0
    began = time.perf_counter()
    data = prepare("oneills").data
    peak = peak_memory(Composer(), ComposerSpec(), data, DEVICE.type)
    result: dict[str, Any] = {
        "hardware": hardware() | {"gpu": torch.cuda.get_device_name(DEVICE)},
        "predicted memory": asdict(peak),
        "agreement": agreement(),
        "shapes": list(shapes(arguments.seconds)),
        "epoch, seconds": epoch_seconds(data),
        "sharing": sharing(peak, arguments.seconds),
    }
    result |= {"seconds": time.perf_counter() - began, "figures": figures(result)}
    print(json.dumps(result["figures"], indent=2))
    return write(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
