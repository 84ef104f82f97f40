"""Elman's recurrent layer over folds as two kernels; see the reference for the signature.

Symbols: G folds, T steps, B sequences of a fold, H units; ' marks the previous step.

    h = tanh(pre + R h')

Backwards, with dh = dh from above + R^T da of the next step: da = dh (1 - h^2).
"""
# Kernels are typed by Triton:
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportInvalidTypeForm=false, reportPossiblyUnboundVariable=false

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.arguments import GATES
from models.folded.torch_typing import Function
from models.folded.triton.library import tl, triton
from models.folded.triton.tiles import (
    ROWS,
    factor,
    factor_back,
    initial_gradient,
    launch,
    outer,
    place,
    plus_product,
    read,
    split,
    tanh,
    with_initial,
    write,
)

_GATES = GATES["rnn"]


def rnn(pre: Tensor, recurrent: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Run an Elman layer on pre-activations.

    Args:
        pre: [G, T, B, H] float32 contributions of inputs and biases.
        recurrent: [G, H, H].
        state: [G, B, H] h before the first step; None for zeros.

    Returns:
        [G, T, B, H] hidden states, and the state [G, B, H] after the last step.
    """
    initial = pre.new_zeros(len(pre), pre.shape[2], recurrent.shape[2]) if state is None else state
    hidden = cast("Tensor", _RNN.apply(pre, recurrent, initial))
    return hidden[:, 1:], hidden[:, -1]


class _RNN(Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, recurrent: Tensor, h0: Tensor) -> Tensor:
        weights, hidden = split(recurrent, _GATES), with_initial(h0, pre.shape[1])
        launch(forward, _GATES, pre.detach().contiguous(), hidden, weights)
        ctx.save_for_backward(hidden, recurrent, weights)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhidden: Tensor) -> tuple[Tensor | None, ...]:
        hidden, recurrent, weights = ctx.saved_tensors
        dhidden = dhidden.contiguous()
        dpre = torch.empty_like(hidden[:, 1:], memory_format=torch.contiguous_format)
        launch(backward, _GATES, dpre, hidden, dhidden, weights)
        return dpre, outer(dpre, hidden), initial_gradient(dhidden, dpre, recurrent)


@triton.jit(do_not_specialize=["num_steps", "batch"])
def forward(
    pre,
    hidden,
    weights,
    num_steps,
    batch,
    size,
    tile: tl.constexpr,
    depth: tl.constexpr,
    resident: tl.constexpr,
):
    """Fill in hidden [G, T + 1, B, H] from pre-activations [G, T, B, H]."""
    fold, rows = place()
    step, padded = batch * size, tl.cdiv(size, tile) * tile
    pre, hidden = pre + fold * num_steps * step, hidden + fold * (num_steps + 1) * step
    weights += fold * 2 * padded * padded
    units = tl.arange(0, tile)
    h = read(hidden, (rows, units, batch, size), size)
    if resident:
        w = factor(weights, 0, units, units, tile)
        ahead = read(pre, (rows, units, batch, size), size)
    for t in tl.range(num_steps, num_stages=1):
        for first in range(0, tile if resident else size, tile):
            u = first + units
            at = (rows, u, batch, size)
            if resident:
                rest = batch if t + 1 < num_steps else 0
                a, ahead = ahead, read(pre + step, (rows, units, rest, size), size)
                a = plus_product(a, h, w)
            else:
                a = read(pre, at, size)
                for k in range(0, size, depth):
                    v = k + tl.arange(0, depth)
                    h_v = read(hidden, (rows, v, batch, size), size)
                    a = plus_product(a, h_v, factor(weights, 0, u, v, padded))
            h = tanh(a)
            write(hidden + step, h, at, size)
        if not resident:
            tl.debug_barrier()
        pre, hidden = pre + step, hidden + step


@triton.jit(do_not_specialize=["num_steps", "batch"])
def backward(
    dpre,
    hidden,
    dhidden,
    weights,
    num_steps,
    batch,
    size,
    tile: tl.constexpr,
    depth: tl.constexpr,
    resident: tl.constexpr,
):
    """Fill in dpre [G, T, B, H]."""
    fold, rows = place()
    step, padded = batch * size, tl.cdiv(size, tile) * tile
    last = (fold + 1) * num_steps - 1
    dpre += last * step
    hidden, dhidden = hidden + (last + fold + 1) * step, dhidden + (last + fold + 1) * step
    weights += fold * 2 * padded * padded
    units = tl.arange(0, tile)
    if resident:
        w = factor_back(weights, 0, units, units, tile)
        below = tl.zeros([ROWS, tile], tl.float32)
        ahead = _read_step(hidden, dhidden, (rows, units, batch, size))
    for back in tl.range(num_steps, num_stages=1):
        for first in range(0, tile if resident else size, tile):
            u = first + units
            at = (rows, u, batch, size)
            if resident:
                rest = batch if back + 1 < num_steps else 0
                h, dh = ahead
                ahead = _read_step(hidden - step, dhidden - step, (rows, units, rest, size))
                dh += below
            else:
                h, dh = _read_step(hidden, dhidden, at)
                for k in range(0, size if back > 0 else 0, depth):
                    v = k + tl.arange(0, depth)
                    d_v = read(dpre + step, (rows, v, batch, size), size)
                    dh = plus_product(dh, d_v, factor_back(weights, 0, v, u, padded))
            d = dh * (1.0 - h * h)
            write(dpre, d, at, size)
            if resident:
                below = plus_product(tl.zeros_like(d), d, w)
        if not resident:
            tl.debug_barrier()
        dpre, hidden, dhidden = dpre - step, hidden - step, dhidden - step


@triton.jit
def _read_step(hidden, dhidden, at):
    """Return what the backward pass reads in a step: the hidden state, and its gradient from above."""
    return read(hidden, at, at[3]), read(dhidden, at, at[3])
