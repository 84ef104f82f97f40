"""What the kernels of all cells share: tiles of 16 sequences, their sizes, and exact enough products.

One program runs 16 sequences of a fold through all steps. Symbols: G folds, T steps, B sequences of a fold, H units,
P units padded with zeros to whole tiles, U units of a tile, n gates of a cell.

Tensor cores multiply bfloat16. Each factor is split into two of them, x = high + low, and three products are added in
float32, all except low by low. The relative error of a product is about 1e-5 at any magnitude (cuDNN's default
for torch.nn.LSTM, tf32, errs by 5e-4).

Recurrent weights are *resident*, and the state stays in registers, if shared memory holds them. Otherwise a step
computes tile after tile of the units: weights and the last state are read again from the L2 cache, and a barrier ends
each step, because other threads of the program wrote that state.
"""
# Kernels are typed by Triton:
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from typing import Any

import torch
from torch import Tensor

from models.folded.triton.library import tl, triton

ROWS = tl.constexpr(16)
"""Sequences of a program: the rows of a tensor core's tile."""

_FACTOR = tl.constexpr(tl.float32 if triton.knobs.runtime.interpret else tl.bfloat16)
"""Type of the products' factors, which all are bfloat16 numbers; Triton's interpreter cannot multiply bfloat16."""

_RESIDENT_BYTES = 2**16
"""Largest recurrent weights that are resident; with what is loaded ahead they fit into 99 KiB of shared memory, which
is the least among GPUs since Ampere."""


def options(num_gates: int, size: int) -> dict[str, Any]:
    """Return the constants for which the kernels of a cell are compiled.

    Args:
        num_gates: n.
        size: H.

    Returns:
        Keyword arguments of a launch; few are different, so few kernels are compiled.
    """
    tile = max(triton.next_power_of_2(size), 16)
    resident = num_gates * tile * tile * 4 <= _RESIDENT_BYTES
    tile, depth = (tile, tile) if resident else (64, 16)
    warps = max(min(tile // 8, 8), 4)
    # With a bound on registers, ptxas does not spill a few of them for the sake of more programs on a multiprocessor.
    return {"tile": tile, "depth": depth, "resident": resident, "num_warps": warps, "num_stages": 4, "maxnreg": 255}


def split(recurrent: Tensor, num_gates: int) -> Tensor:
    """Split recurrent weights into bfloat16 parts.

    Args:
        recurrent: [G, n * H, H].
        num_gates: n.

    Returns:
        [G, n, 2, P, P], for each gate the high and the low part.
    """
    folds, _, size = recurrent.shape
    tile = options(num_gates, size)["tile"]
    padded = triton.cdiv(size, tile) * tile
    exact = recurrent.new_zeros(folds, num_gates, padded, padded)
    exact[..., :size, :size] = recurrent.unflatten(1, (num_gates, size))
    high = exact.to(torch.bfloat16)
    return torch.stack([high, (exact - high).to(torch.bfloat16)], dim=2)


def launch(kernel: Any, num_gates: int, sequence: Tensor, *arguments: Tensor, **constants: bool) -> None:
    """Run a kernel for all folds and all tiles of sequences.

    Args:
        kernel: Its parameters are tensors, then T, B and H, then constants.
        num_gates: n.
        sequence: The kernel's first argument, [G, T, B, n * H].
        *arguments: The kernel's other tensors.
        **constants: Further constants of the kernel.
    """
    folds, steps, batch, width = sequence.shape
    if sequence.numel():
        size = width // num_gates
        with torch.cuda.device_of(sequence):
            kernel[folds, triton.cdiv(batch, ROWS.value)](
                sequence, *arguments, steps, batch, size, **constants, **options(num_gates, size)
            )


def with_initial(initial: Tensor, num_steps: int) -> Tensor:
    """Return states [G, T + 1, B, H] of which only the first is set, to ``initial`` [G, B, H]."""
    states = initial.new_empty(len(initial), num_steps + 1, *initial.shape[1:])
    states[:, 0] = initial
    return states


def outer(dgates: Tensor, hidden: Tensor) -> Tensor:
    """Sum outer products over all steps: the gradient of recurrent weights.

    Args:
        dgates: [G, T, B, N] gradients of the weights' products.
        hidden: [G, T + 1, B, H] states, from the one before the first step.

    Returns:
        [G, N, H].
    """
    return torch.bmm(dgates.flatten(1, 2).mT, hidden[:, :-1].flatten(1, 2))


def initial_gradient(dhidden: Tensor, dgates: Tensor, recurrent: Tensor) -> Tensor:
    """Add up the gradient of the hidden state before the first step.

    Args:
        dhidden: [G, T + 1, B, H] gradients of the states from above.
        dgates: [G, T, B, N] gradients of the recurrent weights' products.
        recurrent: [G, N, H].

    Returns:
        [G, B, H].
    """
    return torch.baddbmm(dhidden[:, 0], dgates[:, 0], recurrent) if dgates.shape[1] else dhidden[:, 0]


@triton.jit
def place():
    """Return a program's fold, as an int64 so that offsets of folds do not overflow, and its sequences."""
    return tl.program_id(0).to(tl.int64), tl.program_id(1) * ROWS + tl.arange(0, ROWS)


@triton.jit
def read(base, at, width):
    """Return a tile [16, U] of a step's values [B, width], at = (its sequences, its units, B, H); 0 beyond B and H."""
    rows, units, batch, size = at
    inside = (rows[:, None] < batch) & (units[None, :] < size)
    return tl.load(base + rows[:, None] * width + units[None, :], mask=inside, other=0.0)


@triton.jit
def write(base, tile, at, width):
    """Store a tile where ``read`` finds it."""
    rows, units, batch, size = at
    inside = (rows[:, None] < batch) & (units[None, :] < size)
    tl.store(base + rows[:, None] * width + units[None, :], tile, mask=inside)


@triton.jit
def row(base, units, size):
    """Return the values at ``units`` of a vector [H], 0 beyond H."""
    return tl.load(base + units, mask=units < size, other=0.0)[None, :]


@triton.jit
def factor(weights, gate, outputs, inputs, padded):
    """Return the tile R^T of a gate's weights [2, P, P] for h R^T: a row for each input, as high and low part."""
    at = weights + gate * 2 * padded * padded + outputs[None, :] * padded + inputs[:, None]
    return tl.load(at), tl.load(at + padded * padded)


@triton.jit
def factor_back(weights, gate, outputs, inputs, padded):
    """Return the tile R of a gate's weights [2, P, P] for da R: a row for each output, as high and low part."""
    at = weights + gate * 2 * padded * padded + outputs[:, None] * padded + inputs[None, :]
    return tl.load(at), tl.load(at + padded * padded)


@triton.jit
def plus_product(total, x, w):
    """Return total + x w for a tile x and the two parts of weights."""
    high = x.to(tl.bfloat16)
    low = (x - high.to(tl.float32)).to(_FACTOR)
    high = high.to(_FACTOR)
    w_high, w_low = w[0].to(_FACTOR), w[1].to(_FACTOR)
    return tl.dot(high, w_high, tl.dot(high, w_low, tl.dot(low, w_high, total)))


@triton.jit
def tanh(x):
    """Return the hyperbolic tangent as 2 sigmoid(2x) - 1, with an absolute error of about 1e-7, as in the reference."""
    return 2.0 * tl.sigmoid(2.0 * x) - 1.0
