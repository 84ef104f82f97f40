"""The GRU over folds as two kernels, in torch.nn.GRU's equations; see the reference for the signature.

Symbols: G folds, T steps, B sequences of a fold, H units; gates in the order r, z, n; ' marks the previous step.

    r = sigmoid(pre_r + R_r h')    z = sigmoid(pre_z + R_z h')    q = R_n h' + b
    n = tanh(pre_n + r q)          h = n + z (h' - n)

Backwards, with dh from above, through R, and directly from the next step:

    da_n = dh (1 - z) (1 - n^2)    dq   = da_n r    da_r = da_n q r (1 - r)    da_z = dh (h' - n) z (1 - z)
    dh'  = dh z + R_r^T da_r + R_z^T da_z + R_n^T dq
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

_GATES = GATES["gru"]


def gru(pre: Tensor, recurrent: Tensor, recurrent_bias: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Run a GRU layer on pre-activations.

    Args:
        pre: [G, T, B, 3H] float32 contributions of inputs and biases to the gates; may be overwritten.
        recurrent: [G, 3H, H].
        recurrent_bias: [G, H] the bias b, which the reset gate multiplies.
        state: [G, B, H] h before the first step; None for zeros.

    Returns:
        [G, T, B, H] hidden states, and the state [G, B, H] after the last step.
    """
    initial = pre.new_zeros(len(pre), pre.shape[2], recurrent.shape[2]) if state is None else state
    hidden = cast("Tensor", _GRU.apply(pre, recurrent, recurrent_bias, initial))
    return hidden[:, 1:], hidden[:, -1]


class _GRU(Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, recurrent: Tensor, recurrent_bias: Tensor, h0: Tensor) -> Tensor:
        gates, weights = pre.detach().contiguous(), split(recurrent, _GATES)
        hidden = with_initial(h0, pre.shape[1])
        products = torch.empty_like(hidden[:, 1:]).contiguous()
        launch(forward, _GATES, gates, products, hidden, weights, recurrent_bias.contiguous())
        ctx.save_for_backward(gates, products, hidden, recurrent, weights)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhidden: Tensor) -> tuple[Tensor | None, ...]:
        gates, products, hidden, recurrent, weights = ctx.saved_tensors
        dgates, dproducts = torch.empty_like(gates), torch.empty_like(products)
        dhidden, direct = dhidden.contiguous(), torch.zeros_like(hidden[:, 0], memory_format=torch.contiguous_format)
        launch(backward, _GATES, dgates, dproducts, gates, products, hidden, dhidden, direct, weights)
        width = 2 * hidden.shape[3]
        drecurrent = torch.cat([outer(dgates[..., :width], hidden), outer(dproducts, hidden)], dim=1)
        dh0 = initial_gradient(dhidden, dgates[..., :width], recurrent[:, :width]) + direct
        dh0 = dh0 + initial_gradient(torch.zeros_like(dhidden[:, :1]), dproducts, recurrent[:, width:])
        return dgates, drecurrent, dproducts.sum((1, 2)), dh0


@triton.jit(do_not_specialize=["num_steps", "batch"])
def forward(
    gates,
    products,
    hidden,
    weights,
    bias,
    num_steps,
    batch,
    size,
    tile: tl.constexpr,
    depth: tl.constexpr,
    resident: tl.constexpr,
):
    """Replace pre-activations [G, T, B, 3H] by gates; fill in q [G, T, B, H] and hidden [G, T + 1, B, H]."""
    fold, rows = place()
    step, padded = batch * size, tl.cdiv(size, tile) * tile
    gates += fold * num_steps * step * 3
    products, hidden = products + fold * num_steps * step, hidden + fold * (num_steps + 1) * step
    weights += fold * 6 * padded * padded
    bias += fold * size
    units = tl.arange(0, tile)
    h = read(hidden, (rows, units, batch, size), size)
    if resident:
        w = _factors(weights, units, units, tile)
        ahead = _read_gates(gates, (rows, units, batch, size))
    for t in tl.range(num_steps, num_stages=1):
        for first in range(0, tile if resident else size, tile):
            u = first + units
            at = (rows, u, batch, size)
            q = tl.zeros([ROWS, tile], tl.float32) + row(bias, u, size)
            if resident:
                rest = batch if t + 1 < num_steps else 0
                a_r, a_z, a_n = ahead
                ahead = _read_gates(gates + 3 * step, (rows, units, rest, size))
                sums = _plus_products((a_r, a_z, q), h, w)
            else:
                a_r, a_z, a_n = _read_gates(gates, at)
                sums, h = (a_r, a_z, q), read(hidden, at, size)
                for k in range(0, size, depth):
                    v = k + tl.arange(0, depth)
                    h_v = read(hidden, (rows, v, batch, size), size)
                    sums = _plus_products(sums, h_v, _factors(weights, u, v, padded))
            r, z, q = tl.sigmoid(sums[0]), tl.sigmoid(sums[1]), sums[2]
            n = tanh(a_n + r * q)
            h = n + z * (h - n)
            _write_gates(gates, (r, z, n), at)
            write(products, q, at, size)
            write(hidden + step, h, at, size)
        if not resident:
            tl.debug_barrier()
        gates, products, hidden = gates + 3 * step, products + step, hidden + step


@triton.jit(do_not_specialize=["num_steps", "batch"])
def backward(
    dgates,
    dproducts,
    gates,
    products,
    hidden,
    dhidden,
    direct,
    weights,
    num_steps,
    batch,
    size,
    tile: tl.constexpr,
    depth: tl.constexpr,
    resident: tl.constexpr,
):
    """Fill in dgates [G, T, B, 3H] and dq [G, T, B, H]; turn ``direct`` from zeros into dh z of the first step."""
    fold, rows = place()
    step, padded = batch * size, tl.cdiv(size, tile) * tile
    last = (fold + 1) * num_steps - 1
    dgates, gates = dgates + last * step * 3, gates + last * step * 3
    dproducts, products = dproducts + last * step, products + last * step
    hidden, dhidden = hidden + (last + fold) * step, dhidden + (last + fold + 1) * step
    direct += fold * step
    weights += fold * 6 * padded * padded
    units = tl.arange(0, tile)
    if resident:
        w = _factors_back(weights, units, units, tile)
        below = tl.zeros([ROWS, tile], tl.float32)
        ahead = _read_step(gates, products, hidden, dhidden, (rows, units, batch, size))
    for back in tl.range(num_steps, num_stages=1):
        for first in range(0, tile if resident else size, tile):
            u = first + units
            at = (rows, u, batch, size)
            if resident:
                gate, q, before, dh = ahead
                at_next = (rows, units, batch if back + 1 < num_steps else 0, size)
                ahead = _read_step(gates - 3 * step, products - step, hidden - step, dhidden - step, at_next)
                dh += below
            else:
                gate, q, before, dh = _read_step(gates, products, hidden, dhidden, at)
                dh += read(direct, at, size)
                for k in range(0, size if back > 0 else 0, depth):
                    v = k + tl.arange(0, depth)
                    d_v = _read_sums(dgates + 3 * step, dproducts + step, (rows, v, batch, size))
                    dh = _plus_sum(dh, d_v, _factors_back(weights, v, u, padded))
            r, z, n = gate
            d_n = dh * (1.0 - z) * (1.0 - n * n)
            d_r, d_z, d_q = d_n * q * r * (1.0 - r), dh * (before - n) * z * (1.0 - z), d_n * r
            _write_gates(dgates, (d_r, d_z, d_n), at)
            write(dproducts, d_q, at, size)
            if resident:
                below = _plus_sum(dh * z, (d_r, d_z, d_q), w)
            if not resident or back + 1 == num_steps:
                write(direct, dh * z, at, size)
        if not resident:
            tl.debug_barrier()
        dgates, gates, dproducts, products = dgates - 3 * step, gates - 3 * step, dproducts - step, products - step
        hidden, dhidden = hidden - step, dhidden - step


@triton.jit
def _read_gates(base, at):
    width = 3 * at[3]
    return read(base, at, width), read(base + at[3], at, width), read(base + 2 * at[3], at, width)


@triton.jit
def _write_gates(base, gate, at):
    width = 3 * at[3]
    write(base, gate[0], at, width)
    write(base + at[3], gate[1], at, width)
    write(base + 2 * at[3], gate[2], at, width)


@triton.jit
def _read_sums(dgates, dproducts, at):
    """Return the gradients of a step's products with R_r, R_z and R_n."""
    width = 3 * at[3]
    return read(dgates, at, width), read(dgates + at[3], at, width), read(dproducts, at, at[3])


@triton.jit
def _read_step(gates, products, hidden, dhidden, at):
    """Return what the backward pass reads in a step: the gates, q, the state before the step, and dh from above."""
    size = at[3]
    return _read_gates(gates, at), read(products, at, size), read(hidden, at, size), read(dhidden, at, size)


@triton.jit
def _factors(weights, outputs, inputs, padded):
    return (
        factor(weights, 0, outputs, inputs, padded),
        factor(weights, 1, outputs, inputs, padded),
        factor(weights, 2, outputs, inputs, padded),
    )


@triton.jit
def _factors_back(weights, outputs, inputs, padded):
    return (
        factor_back(weights, 0, outputs, inputs, padded),
        factor_back(weights, 1, outputs, inputs, padded),
        factor_back(weights, 2, outputs, inputs, padded),
    )


@triton.jit
def _plus_products(sums, h, w):
    """Add R_r h, R_z h and R_n h."""
    return plus_product(sums[0], h, w[0]), plus_product(sums[1], h, w[1]), plus_product(sums[2], h, w[2])


@triton.jit
def _plus_sum(dh, d, w):
    """Add what reaches dh through R_r, R_z and R_n."""
    return plus_product(plus_product(plus_product(dh, d[0], w[0]), d[1], w[1]), d[2], w[2])
