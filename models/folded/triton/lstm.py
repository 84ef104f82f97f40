"""The LSTM over folds as two kernels, plain or with diagonal peepholes; see the reference for the signature.

Symbols: G folds, T steps, B sequences of a fold, H units; gates in the order i, f, g, o; ' marks the previous step.

    a = pre + R h'    i = sigmoid(a_i + p_i c')    f = sigmoid(a_f + p_f c')    g = tanh(a_g)
    c = f c' + i g    o = sigmoid(a_o + p_o c)     h = o tanh(c)

Backwards, with dh = dh from above + R^T da of the next step, and dc from the next step:

    da_o = dh tanh(c) o (1 - o)    dc = dc + dh o (1 - tanh(c)^2) + p_o da_o
    da_i = dc g i (1 - i)          da_f = dc c' f (1 - f)           da_g = dc i (1 - g^2)
    dc'  = dc f + p_i da_i + p_f da_f
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
    row,
    split,
    tanh,
    with_initial,
    write,
)

_GATES = GATES["lstm"]


def lstm(
    pre: Tensor, recurrent: Tensor, peephole: Tensor | None = None, state: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run an LSTM layer on pre-activations.

    Args:
        pre: [G, T, B, 4H] float32 contributions of inputs and biases to the gates; may be overwritten.
        recurrent: [G, 4H, H].
        peephole: [G, 3, H] diagonal weights of i, f and o, None for a plain LSTM.
        state: h and c before the first step, each [G, B, H]; None for zeros.

    Returns:
        [G, T, B, H] hidden states, and the state (h, c) after the last step.
    """
    zeros = pre.new_zeros(len(pre), pre.shape[2], recurrent.shape[2])
    hidden, cell = cast("tuple[Tensor, Tensor]", _LSTM.apply(pre, recurrent, peephole, *(state or (zeros, zeros))))
    return hidden[:, 1:], (hidden[:, -1], cell)


class _LSTM(Function):
    @staticmethod
    def forward(
        ctx: Any, pre: Tensor, recurrent: Tensor, peephole: Tensor | None, h0: Tensor, c0: Tensor
    ) -> tuple[Tensor, Tensor]:
        gates, weights = pre.detach().contiguous(), split(recurrent, _GATES)
        hidden, cells = with_initial(h0, pre.shape[1]), with_initial(c0, pre.shape[1])
        diagonal = pre.new_empty(0) if peephole is None else peephole.contiguous()
        launch(forward, _GATES, gates, cells, hidden, weights, diagonal, peepholes=peephole is not None)
        ctx.save_for_backward(gates, cells, hidden, recurrent, weights, diagonal)
        return hidden, cells[:, -1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhidden: Tensor, dcell: Tensor) -> tuple[Tensor | None, ...]:
        gates, cells, hidden, recurrent, weights, diagonal = ctx.saved_tensors
        peepholes = diagonal.numel() > 0
        dgates, dhidden, dc0 = torch.empty_like(gates), dhidden.contiguous(), dcell.contiguous().clone()
        launch(backward, _GATES, dgates, gates, cells, dhidden, dc0, weights, diagonal, peepholes=peepholes)
        dpeephole = _peephole_gradient(dgates, cells) if peepholes else None
        return dgates, outer(dgates, hidden), dpeephole, initial_gradient(dhidden, dgates, recurrent), dc0


def _peephole_gradient(dgates: Tensor, cells: Tensor) -> Tensor:
    """Return [G, 3, H] the gradients of p_i, p_f and p_o."""
    di, df, _, do = dgates.chunk(4, dim=-1)
    before, after = cells[:, :-1], cells[:, 1:]
    return torch.stack([(d * c).sum((1, 2)) for d, c in ((di, before), (df, before), (do, after))], dim=1)


@triton.jit(do_not_specialize=["num_steps", "batch"])
def forward(
    gates,
    cells,
    hidden,
    weights,
    peephole,
    num_steps,
    batch,
    size,
    peepholes: tl.constexpr,
    tile: tl.constexpr,
    depth: tl.constexpr,
    resident: tl.constexpr,
):
    """Replace pre-activations [G, T, B, 4H] by gates; fill in cells and hidden [G, T + 1, B, H]."""
    fold, rows = place()
    step, padded = batch * size, tl.cdiv(size, tile) * tile
    gates += fold * num_steps * step * 4
    cells, hidden = cells + fold * (num_steps + 1) * step, hidden + fold * (num_steps + 1) * step
    weights += fold * 8 * padded * padded
    peephole += fold * 3 * size
    units = tl.arange(0, tile)
    h, c = read(hidden, (rows, units, batch, size), size), read(cells, (rows, units, batch, size), size)
    if resident:
        w = _factors(weights, units, units, tile)
        ahead = _read_gates(gates, (rows, units, batch, size))
    for t in tl.range(num_steps, num_stages=1):
        for first in range(0, tile if resident else size, tile):
            u = first + units
            at = (rows, u, batch, size)
            if resident:
                rest = batch if t + 1 < num_steps else 0
                a, ahead = ahead, _read_gates(gates + 4 * step, (rows, units, rest, size))
                a = _plus_products(a, h, w)
            else:
                a, c = _read_gates(gates, at), read(cells, at, size)
                for k in range(0, size, depth):
                    v = k + tl.arange(0, depth)
                    h_v = read(hidden, (rows, v, batch, size), size)
                    a = _plus_products(a, h_v, _factors(weights, u, v, padded))
            i, f, g, o, c, h = _step(a, c, peephole, u, size, peepholes)
            _write_gates(gates, (i, f, g, o), at)
            write(cells + step, c, at, size)
            write(hidden + step, h, at, size)
        if not resident:
            tl.debug_barrier()
        gates, cells, hidden = gates + 4 * step, cells + step, hidden + step


@triton.jit(do_not_specialize=["num_steps", "batch"])
def backward(
    dgates,
    gates,
    cells,
    dhidden,
    dcell,
    weights,
    peephole,
    num_steps,
    batch,
    size,
    peepholes: tl.constexpr,
    tile: tl.constexpr,
    depth: tl.constexpr,
    resident: tl.constexpr,
):
    """Fill in dgates [G, T, B, 4H]; replace the last cell state's gradient [G, B, H] by the initial one's."""
    fold, rows = place()
    step, padded = batch * size, tl.cdiv(size, tile) * tile
    last = (fold + 1) * num_steps - 1
    dgates, gates = dgates + last * step * 4, gates + last * step * 4
    cells, dhidden = cells + (last + fold + 1) * step, dhidden + (last + fold + 1) * step
    dcell += fold * step
    weights += fold * 8 * padded * padded
    peephole += fold * 3 * size
    units = tl.arange(0, tile)
    c, dc = read(cells, (rows, units, batch, size), size), read(dcell, (rows, units, batch, size), size)
    if resident:
        w = _factors_back(weights, units, units, tile)
        below = tl.zeros([ROWS, tile], tl.float32)
        ahead = _read_step(gates, cells, dhidden, (rows, units, batch, size))
    for back in tl.range(num_steps, num_stages=1):
        for first in range(0, tile if resident else size, tile):
            u = first + units
            at = (rows, u, batch, size)
            if resident:
                rest = batch if back + 1 < num_steps else 0
                gate, before, dh = ahead
                ahead = _read_step(gates - 4 * step, cells - step, dhidden - step, (rows, units, rest, size))
                dh += below
            else:
                gate, before, dh = _read_step(gates, cells, dhidden, at)
                c, dc = read(cells, at, size), read(dcell, at, size)
                for k in range(0, size if back > 0 else 0, depth):
                    v = k + tl.arange(0, depth)
                    d_v = _read_gates(dgates + 4 * step, (rows, v, batch, size))
                    dh = _plus_sum(dh, d_v, _factors_back(weights, v, u, padded))
            d, dc = _step_back(gate, before, c, dh, dc, peephole, u, size, peepholes)
            _write_gates(dgates, d, at)
            if resident:
                below, c = _plus_sum(tl.zeros_like(dh), d, w), before
            if not resident or back + 1 == num_steps:
                write(dcell, dc, at, size)
        if not resident:
            tl.debug_barrier()
        dgates, gates, cells, dhidden = dgates - 4 * step, gates - 4 * step, cells - step, dhidden - step


@triton.jit
def _step(a, c, peephole, u, size, peepholes: tl.constexpr):
    """Return the gates, c and h of a step."""
    a_i, a_f, a_g, a_o = a
    if peepholes:
        a_i += row(peephole, u, size) * c
        a_f += row(peephole + size, u, size) * c
    i, f, g = tl.sigmoid(a_i), tl.sigmoid(a_f), tanh(a_g)
    c = f * c + i * g
    if peepholes:
        a_o += row(peephole + 2 * size, u, size) * c
    o = tl.sigmoid(a_o)
    return i, f, g, o, c, o * tanh(c)


@triton.jit
def _step_back(gate, before, c, dh, dc, peephole, u, size, peepholes: tl.constexpr):
    """Return the gradients of a step's pre-activations, and that of the cell state before it."""
    i, f, g, o = gate
    tanh_c = tanh(c)
    d_o = dh * tanh_c * o * (1.0 - o)
    dc += dh * o * (1.0 - tanh_c * tanh_c)
    if peepholes:
        dc += row(peephole + 2 * size, u, size) * d_o
    d_i, d_f, d_g = dc * g * i * (1.0 - i), dc * before * f * (1.0 - f), dc * i * (1.0 - g * g)
    dc *= f
    if peepholes:
        dc += row(peephole, u, size) * d_i + row(peephole + size, u, size) * d_f
    return (d_i, d_f, d_g, d_o), dc


@triton.jit
def _read_gates(base, at):
    width = 4 * at[3]
    return (
        read(base, at, width),
        read(base + at[3], at, width),
        read(base + 2 * at[3], at, width),
        read(base + 3 * at[3], at, width),
    )


@triton.jit
def _write_gates(base, gate, at):
    width = 4 * at[3]
    write(base, gate[0], at, width)
    write(base + at[3], gate[1], at, width)
    write(base + 2 * at[3], gate[2], at, width)
    write(base + 3 * at[3], gate[3], at, width)


@triton.jit
def _read_step(gates, cells, dhidden, at):
    """Return what the backward pass reads in a step: the gates, the cell state before the step, and dh from above."""
    _, _, batch, size = at
    return _read_gates(gates, at), read(cells - batch * size, at, size), read(dhidden, at, size)


@triton.jit
def _factors(weights, outputs, inputs, padded):
    return (
        factor(weights, 0, outputs, inputs, padded),
        factor(weights, 1, outputs, inputs, padded),
        factor(weights, 2, outputs, inputs, padded),
        factor(weights, 3, outputs, inputs, padded),
    )


@triton.jit
def _factors_back(weights, outputs, inputs, padded):
    return (
        factor_back(weights, 0, outputs, inputs, padded),
        factor_back(weights, 1, outputs, inputs, padded),
        factor_back(weights, 2, outputs, inputs, padded),
        factor_back(weights, 3, outputs, inputs, padded),
    )


@triton.jit
def _plus_products(a, h, w):
    """Add R h to the gates."""
    return (
        plus_product(a[0], h, w[0]),
        plus_product(a[1], h, w[1]),
        plus_product(a[2], h, w[2]),
        plus_product(a[3], h, w[3]),
    )


@triton.jit
def _plus_sum(dh, d, w):
    """Add R^T da to dh."""
    dh = plus_product(plus_product(dh, d[0], w[0]), d[1], w[1])
    return plus_product(plus_product(dh, d[2], w[2]), d[3], w[3])
