"""The GRU over folds, in torch.nn.GRU's equations, with its backward pass written out.

Symbols: G folds, T steps, B sequences of a fold, H units; gates in the order r, z, n.

    r = sigmoid(pre_r + R_r h')    z = sigmoid(pre_z + R_z h')    q = R_n h' + b
    n = tanh(pre_n + r q)          h = n + z (h' - n)

where ' marks the previous step. In the backward pass every gradient of a step is dh times a factor that is local to the
step. The factors are computed for all steps together; the loop only carries dh.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.reference.blocks import fold_blocks, recurrent_gradient, steps, tanh_into
from models.folded.reference.matmul import step_product
from models.folded.torch_typing import Function

_sigmoid_slope = torch.ops.aten.sigmoid_backward.grad_input  # (grad, y) -> grad y (1 - y), in one pass
_tanh_slope = torch.ops.aten.tanh_backward.grad_input  # (grad, y) -> grad (1 - y^2)


def gru(pre: Tensor, recurrent: Tensor, recurrent_bias: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Run a GRU layer on pre-activations.

    Args:
        pre: [G, T, B, 3H] contributions of inputs and biases to the gates; overwritten, so it must not be shared.
        recurrent: [G, 3H, H].
        recurrent_bias: [G, H] the bias b, which the reset gate multiplies.
        state: [G, B, H] h before the first step; None for zeros.

    Returns:
        [G, T, B, H] hidden states, and the state [G, B, H] after the last step.
    """
    hidden = cast("Tensor", _GRU.apply(pre, recurrent, recurrent_bias, state))
    return hidden, hidden[:, -1]


class _GRU(Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, recurrent: Tensor, recurrent_bias: Tensor, h0: Tensor | None) -> Tensor:
        gates = pre.detach()
        shape = (*pre.shape[:3], recurrent.shape[2])
        hidden, products = pre.new_empty(shape), pre.new_empty(shape)
        h = torch.zeros_like(hidden[:, 0]) if h0 is None else h0
        for block in fold_blocks(recurrent, pre.shape[2]):
            times_recurrent = step_product(recurrent[block].mT, pre.shape[2])
            _forward(block, gates, products, hidden, times_recurrent, recurrent_bias[block].unsqueeze(1), h[block])
        ctx.save_for_backward(gates, products, hidden, recurrent, h0)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhidden: Tensor) -> tuple[Tensor | None, ...]:
        gates, products, hidden, recurrent, h0 = ctx.saved_tensors
        size = recurrent.shape[2]
        dproducts, dpre = _local(gates, products, hidden, h0)
        # As q comes first among the gradients, its rows come first among the weights.
        weights = torch.cat([recurrent[:, 2 * size :], recurrent[:, : 2 * size]], dim=1)
        dh, dh0 = dhidden.clone(), torch.empty_like(hidden[:, 0])
        for block in fold_blocks(recurrent, hidden.shape[2]):
            _backward(block, gates[..., size : 2 * size], dproducts, dpre, dh, weights[block], dh0[block])
        dpre[..., : 2 * size] = dproducts[..., size:]
        drecurrent = recurrent_gradient(dproducts, hidden, h0)
        return (
            dpre,
            torch.cat([drecurrent[:, size:], drecurrent[:, :size]], dim=1),
            dproducts[..., :size].sum((1, 2)),
            None if h0 is None else dh0,
        )


def _forward(
    block: slice,
    gates: Tensor,
    products: Tensor,
    hidden: Tensor,
    times_recurrent: Callable[[Tensor], Tensor],
    bias: Tensor,
    h: Tensor,
) -> None:
    """Step a block of folds through time: pre-activations in gates become activations, and q is written to products."""
    size = hidden.shape[3]
    r, z, n = (steps(part, block) for part in gates.chunk(3, dim=-1))
    r_z = steps(gates[..., : 2 * size], block)
    q, out = steps(products, block), steps(hidden, block)
    for t in range(len(out)):
        product = times_recurrent(h)
        r_z[t].add_(product[..., : 2 * size]).sigmoid_()
        torch.add(product[..., 2 * size :], bias, out=q[t])
        n[t].addcmul_(r[t], q[t])
        tanh_into(n[t], n[t])
        h = torch.lerp(n[t], h, z[t], out=out[t])


def _local(gates: Tensor, products: Tensor, hidden: Tensor, h0: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the local derivatives, to be multiplied by dh: [G, T, B, 3H] those of q, r and z.

    The second tensor, of the same shape, has those of n in its last third; the rest is uninitialised.
    """
    r, z, n = gates.chunk(3, dim=-1)
    dproducts, dpre = torch.empty_like(gates), torch.empty_like(gates)
    local_q, local_r, local_z = dproducts.chunk(3, dim=-1)
    local_n = dpre.chunk(3, dim=-1)[2]
    _tanh_slope(torch.rsub(z, 1.0), n, grad_input=local_n)
    torch.mul(local_n, r, out=local_q)
    _sigmoid_slope(local_n * products, r, grad_input=local_r)
    _sigmoid_slope(hidden[:, :-1] - n[:, 1:], z[:, 1:], grad_input=local_z[:, 1:])
    _sigmoid_slope(-n[:, 0] if h0 is None else h0 - n[:, 0], z[:, 0], grad_input=local_z[:, 0])
    return dproducts, dpre


def _backward(
    block: slice, update: Tensor, dproducts: Tensor, dpre: Tensor, dhidden: Tensor, weights: Tensor, dh0: Tensor
) -> None:
    """Step a block of folds back through time, and replace local derivatives by gradients."""
    size = dhidden.shape[3]
    times_weights = step_product(weights, dhidden.shape[2])
    z, dh, dh_wide = steps(update, block), steps(dhidden, block), steps(dhidden.unsqueeze(3), block)
    d_q_r_z, d_wide = steps(dproducts, block), steps(dproducts.view(*dproducts.shape[:3], 3, size), block)
    d_n = steps(dpre[..., 2 * size :], block)
    for t in range(len(z) - 1, -1, -1):
        d_wide[t].mul_(dh_wide[t])
        d_n[t].mul_(dh[t])
        if t > 0:
            dh[t - 1].add_(times_weights(d_q_r_z[t])).addcmul_(dh[t], z[t])
    torch.addcmul(times_weights(d_q_r_z[0]), dh[0], z[0], out=dh0)
