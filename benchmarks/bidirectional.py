"""Bidirectional lockstep training compared with separate models: training steps on batches like those of S2.

    python benchmarks/bidirectional.py

k folds of bidirectional LSTM layers with a linear layer are compared with k models that are trained one after another,
each torch.nn.LSTM(bidirectional=True) and nn.Linear. All use Adam. They take turns in one process, on one thread;
ratios are those of median CPU times.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from lockstep import hardware, medians
from summary import figure, write
from torch import Tensor, nn

from models.folded.arguments import Reversal
from models.folded.bidirectional import BidirectionalStack
from models.folded.linear import linear
from models.folded.optimiser import FoldedOptimiser
from models.folded.request import use

NUM_FOLDS, NUM_INPUTS, SIZE, NUM_LAYERS, NUM_STEPS, BATCH, NUM_OUTPUTS = 4, 176, 176, 3, 200, 4, 88
TARGET = 1.05
RESULT = Path(__file__).parent / "results" / "bidirectional.json"


class Lockstep:
    """All folds in one model, with the layers of ``models.folded``."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        """Build the model and its optimiser for inputs x (G, T, B, K) and targets y (G, T, B, O)."""
        sources = [torch.Generator().manual_seed(fold) for fold in range(NUM_FOLDS)]
        self.x, self.y = x, y
        self.stack = BidirectionalStack("lstm", NUM_INPUTS, SIZE, NUM_LAYERS, "each", sources)
        self.weight = nn.Parameter(torch.randn(NUM_FOLDS, NUM_OUTPUTS, 2 * SIZE) / SIZE)
        self.bias = nn.Parameter(torch.zeros(NUM_FOLDS, NUM_OUTPUTS))
        self.turn = Reversal(torch.full((NUM_FOLDS, BATCH), NUM_STEPS), NUM_STEPS)
        parameters = [*self.stack.parameters(), self.weight, self.bias]
        self.optimiser = FoldedOptimiser(parameters, "adam", weight_decay=0.0, clip=0.0)

    def step(self) -> None:
        """Take one training step."""
        hidden, _ = self.stack(self.x, self.turn, _keep)
        error = (linear(hidden, self.weight, self.bias) - self.y).square()
        self.optimiser.step(error.mean((1, 2, 3)), 1e-3)


def _keep(output: Tensor) -> Tensor:
    """Return the output unchanged, without dropout."""
    return output


class Sequential:
    """One model per fold, trained one after another, with torch's layers."""

    def __init__(self, x: Tensor, y: Tensor, *, fused: bool) -> None:
        """Build the models and their optimisers: torch's default Adam or the fused one."""
        self.x, self.y = x, y
        self.models: list[tuple[nn.LSTM, nn.Linear, torch.optim.Adam]] = []
        for _ in range(NUM_FOLDS):
            layers = nn.LSTM(NUM_INPUTS, SIZE, NUM_LAYERS, bidirectional=True)
            head = nn.Linear(2 * SIZE, NUM_OUTPUTS)
            parameters = nn.ModuleList([layers, head]).parameters()
            self.models.append((layers, head, torch.optim.Adam(parameters, fused=fused or None)))

    def step(self) -> None:
        """Take one training step of every model."""
        for (layers, head, optimiser), x, y in zip(self.models, self.x, self.y, strict=True):
            optimiser.zero_grad()
            torch.autograd.backward(nn.functional.mse_loss(head(layers(x)[0]), y))
            optimiser.step()  # pyright: ignore[reportUnknownMemberType]  (torch does not type its closure)


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if the limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULT, help="the JSON file to write")
    parser.add_argument("--seconds", type=float, default=40.0, help="time for all contenders")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    use("auto")
    source = torch.Generator().manual_seed(0)
    x = torch.randn(NUM_FOLDS, NUM_STEPS, BATCH, NUM_INPUTS, generator=source)
    y = torch.rand(NUM_FOLDS, NUM_STEPS, BATCH, NUM_OUTPUTS, generator=source)
    contenders = [Lockstep(x, y).step, Sequential(x, y, fused=False).step, Sequential(x, y, fused=True).step]
    ours, default, fused = medians(contenders, arguments.seconds)
    result: dict[str, Any] = {
        "hardware": hardware(),
        "folds": NUM_FOLDS,
        "shape": {"inputs": NUM_INPUTS, "size": SIZE, "layers": NUM_LAYERS, "steps": NUM_STEPS, "batch": BATCH},
        "lockstep_ms": ours * 1e3,
        "sequential_ms": default * 1e3,
        "sequential_fused_adam_ms": fused * 1e3,
        "ratio": default / ours,
        "ratio_fused_adam": fused / ours,
        "figures": [figure("bidirectional lockstep over nn.LSTM, ratio", default / ours, at_least=TARGET)],
    }
    print(f"{ours * 1e3:.0f} ms compared with {default * 1e3:.0f} ms: ratio {default / ours:.2f} (at least {TARGET})")
    print(f"ratio with fused Adam on both sides: {fused / ours:.2f}")
    return write(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
