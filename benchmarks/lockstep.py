"""Lockstep training compared with separate models: training steps of the same models on batches of the same shape.

    python benchmarks/lockstep.py

For every shape, k folds in lockstep are compared with k models that are trained one after another: nn.Embedding +
nn.LSTM or nn.GRU + nn.Linear, and a peephole cell stepped in Python (its input products are computed outside the loop).
All use Adam: lockstep the fused one, the others torch's default, and nn.LSTM also the fused one. The models take turns
in one process, on one thread; ratios are those of median CPU times. The share of the peak compares the operations of a
step's products per second with the fastest large product of torch in the same process.
"""

import argparse
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from summary import figure, write
from torch import Tensor, nn

from models.folded.arguments import Cell
from models.folded.backends import chosen
from models.folded.cross_entropy import linear_cross_entropy
from models.folded.layers import RecurrentLayer
from models.folded.linear import rows
from models.folded.optimiser import FoldedOptimiser
from models.folded.request import use

NUM_FOLDS = 4
RESULT = Path(__file__).parent / "results" / "lockstep.json"
TARGETS = {"lstm": 1.5, "peephole": 3.5, "gru": 3.0}
LEAST_RATIO = 1.0
LEAST_SHARE = 0.7
OTHERS = {"lstm": nn.LSTM, "gru": nn.GRU}


@dataclass(frozen=True)
class Shape:
    """Sizes of a model and a batch: H units, number of layers, T steps, B sequences, V tokens."""

    size: int
    layers: int
    steps: int
    batch: int
    tokens: int


LARGE = Shape(128, 2, 96, 32, 1000)
SHAPES = (
    Shape(32, 1, 32, 1, 300),
    Shape(64, 2, 48, 1, 600),
    Shape(128, 2, 64, 1, 1000),
    Shape(64, 1, 48, 16, 300),
    Shape(64, 2, 64, 32, 1000),
    LARGE,
    Shape(256, 2, 96, 16, 1700),
    Shape(256, 3, 96, 64, 1700),
)


class Lockstep:
    """All folds in one model, with the layers of ``models.folded``."""

    def __init__(self, cell: Cell, shape: Shape, data: Tensor) -> None:
        """Build the model and its optimiser for tokens of shape (G, T + 1, B)."""
        sources = [torch.Generator().manual_seed(fold) for fold in range(NUM_FOLDS)]
        self.layers = [
            RecurrentLayer(cell, shape.size, shape.size, one_hot=False, generators=sources) for _ in range(shape.layers)
        ]
        self.data = data
        self.embedding = nn.Parameter(torch.randn(NUM_FOLDS, shape.tokens, shape.size))
        self.weight = nn.Parameter(torch.randn(NUM_FOLDS, shape.tokens, shape.size) / math.sqrt(shape.size))
        self.bias = nn.Parameter(torch.zeros(NUM_FOLDS, shape.tokens))
        self.share = torch.full((NUM_FOLDS, shape.steps * shape.batch), 1.0 / (shape.steps * shape.batch))
        parameters = [self.embedding, *nn.ModuleList(self.layers).parameters(), self.weight, self.bias]
        self.optimiser = FoldedOptimiser(parameters, "adam", weight_decay=0.0, clip=0.0)

    def step(self) -> None:
        """Take one training step."""
        hidden = rows(self.embedding, self.data[:, :-1])
        for layer in self.layers:
            hidden, _ = layer.from_dense(hidden)
        target = self.data[:, 1:].flatten(1)
        loss, _ = linear_cross_entropy(hidden.flatten(1, 2), self.weight, self.bias, target, self.share)
        self.optimiser.step(loss, 1e-3)


class Peephole(nn.Module):
    """A peephole LSTM layer stepped in Python."""

    def __init__(self, num_inputs: int, size: int) -> None:
        """Initialise the weights."""
        super().__init__()
        self.dense = nn.Linear(num_inputs, 4 * size)
        self.recurrent = nn.Linear(size, 4 * size, bias=False)
        self.peepholes = nn.Parameter(torch.randn(3, size) / math.sqrt(size))

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """Return the outputs for x of shape (T, B, K), and None for the state."""
        h = c = x.new_zeros(x.shape[1], self.peepholes.shape[1])
        p_i, p_f, p_o = self.peepholes.unbind(0)
        outputs: list[Tensor] = []
        for pre in self.dense(x).unbind(0):
            a_i, a_f, a_g, a_o = (pre + self.recurrent(h)).chunk(4, dim=1)
            c_new = torch.sigmoid(a_f + p_f * c) * c + torch.sigmoid(a_i + p_i * c) * torch.tanh(a_g)
            h = torch.sigmoid(a_o + p_o * c_new) * torch.tanh(c_new)
            c = c_new
            outputs.append(h)
        return torch.stack(outputs), None


class Sequential:
    """One model per fold, trained one after another, with torch's layers."""

    def __init__(self, cell: Cell, shape: Shape, data: Tensor, *, fused: bool = False) -> None:
        """Build the models and their optimisers, torch's default Adam or the fused one, for tokens (G, T + 1, B)."""
        self.data = data
        self.models: list[tuple[nn.Embedding, list[nn.Module], nn.Linear, torch.optim.Adam]] = []
        for _ in range(NUM_FOLDS):
            embedding = nn.Embedding(shape.tokens, shape.size)
            layers: list[nn.Module] = (
                [OTHERS[cell](shape.size, shape.size, shape.layers)]
                if cell in OTHERS
                else [Peephole(shape.size, shape.size) for _ in range(shape.layers)]
            )
            head = nn.Linear(shape.size, shape.tokens)
            parameters = nn.ModuleList([embedding, *layers, head]).parameters()
            self.models.append((embedding, layers, head, torch.optim.Adam(parameters, fused=fused or None)))

    def step(self) -> None:
        """Take one training step of every model."""
        for (embedding, layers, head, optimiser), data in zip(self.models, self.data, strict=True):
            optimiser.zero_grad()
            x = embedding(data[:-1])
            for layer in layers:
                x, _ = layer(x)
            torch.autograd.backward(nn.functional.cross_entropy(head(x).flatten(0, 1), data[1:].flatten()))
            optimiser.step()  # pyright: ignore[reportUnknownMemberType]  (torch does not type its closure)


CELLS: tuple[Cell, ...] = ("lstm", "peephole", "gru")
_LEAST_TURNS = 5


def medians(contenders: list[Callable[[], None]], seconds: float) -> list[float]:
    """Return the median CPU time of each contender (seconds); they take turns for about ``seconds`` in total."""
    times: list[list[float]] = [[] for _ in contenders]
    for contender in contenders:
        contender()
    began = time.perf_counter()
    while len(times[0]) < _LEAST_TURNS or time.perf_counter() - began < seconds:
        for taken, contender in zip(times, contenders, strict=True):
            start = time.process_time()
            contender()
            taken.append(time.process_time() - start)
    return [statistics.median(taken) for taken in times]


def measure(seconds: float) -> list[dict[str, Any]]:
    """Measure all shapes, for about ``seconds`` per pair of contenders."""
    source = torch.Generator().manual_seed(0)
    results: list[dict[str, Any]] = []
    for shape in SHAPES:
        data = torch.randint(shape.tokens, (NUM_FOLDS, shape.steps + 1, shape.batch), generator=source)
        row: dict[str, Any] = asdict(shape)
        for cell in CELLS:
            others = {cell: Sequential(cell, shape, data).step}
            if cell == "lstm":
                others["lstm, fused Adam"] = Sequential(cell, shape, data, fused=True).step
            ours, *theirs = medians([Lockstep(cell, shape, data).step, *others.values()], seconds)
            for name, other in zip(others, theirs, strict=True):
                row[name] = {"lockstep_ms": ours * 1e3, "sequential_ms": other * 1e3, "ratio": other / ours}
                times = f"{ours * 1e3:.2f} ms compared with {other * 1e3:.2f} ms"
                print(f"{shape} {name} {times}: ratio {other / ours:.2f}", flush=True)
        results.append(row)
    return results


def peak() -> float:
    """Return the operations per second of the fastest of many products of two large matrices."""
    x, layer = torch.randn(1024, 1024), nn.Linear(1024, 1024, bias=False)
    best = math.inf
    with torch.no_grad():
        for _ in range(50):
            for product in (lambda: layer(x), lambda: torch.matmul(x, x)):
                start = time.process_time()
                product()
                best = min(best, time.process_time() - start)
    return 2.0 * 1024**3 / best


def operations(shape: Shape) -> float:
    """Return the number of operations of the products of a training step of all folds: forwards once, back twice."""
    rows = NUM_FOLDS * shape.steps * shape.batch
    return 6.0 * rows * shape.size * (shape.layers * 8 * shape.size + shape.tokens)


def hardware() -> dict[str, object]:
    """Return a description of this machine."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    return {
        "cpu": cpu,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULT, help="the JSON file to write")
    parser.add_argument("--seconds", type=float, default=4.0, help="time for each pair of contenders")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    use("auto")
    fastest = peak()
    shapes = measure(arguments.seconds)
    fastest = max(fastest, peak())
    means = {
        cell: math.exp(statistics.fmean(math.log(row[cell]["ratio"]) for row in shapes))
        for cell in (*CELLS, "lstm, fused Adam")
    }
    (seconds,) = (row["lstm"]["lockstep_ms"] / 1e3 for row, shape in zip(shapes, SHAPES, strict=True) if shape == LARGE)
    share = operations(LARGE) / seconds / fastest
    figures = [figure(f"lockstep over {cell}", means[cell], at_least=least) for cell, least in TARGETS.items()]
    least = min(row[cell]["ratio"] for row in shapes for cell in CELLS)
    figures.append(figure("lockstep over any cell, slowest shape", least, at_least=LEAST_RATIO))
    figures.append(figure("share of the processor's peak, 2 layers of 128 units", share, at_least=LEAST_SHARE))
    result = {
        "hardware": hardware(),
        "backend": str(chosen("cpu")),
        "peak_gflops": fastest / 1e9,
        "folds": NUM_FOLDS,
        "geometric_means": means,
        "figures": figures,
        "shapes": shapes,
    }
    print(json.dumps(means))
    return write(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
