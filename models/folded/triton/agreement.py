"""Agreement of the kernels with the reference, in float64, on random inputs.

Symbols: G folds, T steps, B sequences of a fold, H units.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from models.folded.arguments import GATES
from models.folded.reference import gru as gru_reference
from models.folded.reference import lstm as lstm_reference
from models.folded.reference import rnn as rnn_reference
from models.folded.triton.gru import gru
from models.folded.triton.lstm import lstm
from models.folded.triton.rnn import rnn

TOLERANCE = 1e-4
"""Largest difference, relative to the largest element of a tensor: products err by 1e-5, and errors add up."""


def largest_difference(
    cell: str, size: int, device: str | torch.device, *, steps: int = 4, batch: int = 17, with_state: bool = True
) -> tuple[float, str]:
    """Compare outputs and gradients of two folds.

    Args:
        cell: A ``models.folded.arguments.Cell``.
        size: H.
        device: Where to compute.
        steps: T.
        batch: B.
        with_state: Whether states before the first step are given.

    Returns:
        The largest difference of a tensor, relative to the tensor's largest element, and the name of the tensor.
    """
    source = torch.Generator().manual_seed(0)
    width = GATES[cell] * size
    shapes = {"pre": (2, steps, batch, width), "recurrent": (2, width, size)}
    shapes |= {"lstm": {}, "rnn": {}, "gru": {"bias": (2, size)}, "peephole": {"peephole": (2, 3, size)}}[cell]
    if with_state:
        shapes |= dict.fromkeys(("h0",) if cell in {"rnn", "gru"} else ("h0", "c0"), (2, batch, size))
    inputs = {name: torch.randn(shape, generator=source).to(device) for name, shape in shapes.items()}
    for name in inputs.keys() & {"recurrent", "peephole"}:
        inputs[name] /= math.sqrt(size)  # about as large as initial weights
    weights = torch.randn(2, steps + 2, batch, size, generator=source).to(device)
    exact = _results(cell, _REFERENCES, {name: part.double() for name, part in inputs.items()}, weights.double())
    ours = _results(cell, _KERNELS, inputs, weights)
    return max((_difference(ours[name], exact[name]), name) for name in exact)


_REFERENCES: Mapping[str, Callable[..., Any]] = {
    "lstm": lstm_reference.lstm,
    "gru": gru_reference.gru,
    "rnn": rnn_reference.rnn,
}
_KERNELS: Mapping[str, Callable[..., Any]] = {"lstm": lstm, "gru": gru, "rnn": rnn}


def _difference(actual: Tensor, exact: Tensor) -> float:
    largest = (actual - exact).abs().max() / exact.abs().max().clamp_min(1e-30)
    return float(largest.nan_to_num(math.inf))


def _results(
    cell: str, functions: Mapping[str, Callable[..., Any]], inputs: Mapping[str, Tensor], weights: Tensor
) -> dict[str, Tensor]:
    """Return outputs, and the gradients of their sum weighted by ``weights``, by name."""
    leaves = {name: part.detach().requires_grad_() for name, part in inputs.items()}
    pre = leaves["pre"] * 1.0  # it is overwritten
    if cell in {"lstm", "peephole"}:
        state = (leaves["h0"], leaves["c0"]) if "h0" in leaves else None
        hidden, last = functions["lstm"](pre, leaves["recurrent"], leaves.get("peephole"), state)
    else:
        bias = (leaves["bias"],) if cell == "gru" else ()
        hidden, h = functions[cell](pre, leaves["recurrent"], *bias, leaves.get("h0"))
        last = (h,)
    outputs = torch.cat([hidden, *(part.unsqueeze(1) for part in last)], dim=1)
    loss = (outputs * weights[:, : outputs.shape[1]]).sum()
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    names = (f"the gradient of {name}" for name in leaves)
    return {"the output": outputs.detach(), **dict(zip(names, gradients, strict=True))}
