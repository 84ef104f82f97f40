"""The GRU over folds, in torch.nn.GRU's equations, with its backward pass written out.

Symbols: G folds, T steps, B sequences of a fold, H units; gates in the order r, z, n.

    r = sigmoid(pre_r + R_r h')    z = sigmoid(pre_z + R_z h')    q = R_n h' + b    n = tanh(pre_n + r q)
    h = n + z (h' - n)

where ' marks the step before. Backward, every gradient of a step is dh times something local to that step, which is taken
for all steps together; the loop only carries dh.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.blocks import fold_blocks, recurrent_gradient, steps, tanh_of


def gru(pre: Tensor, recurrent: Tensor, recurrent_bias: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Run a GRU layer on pre-activations.

    Args:
        pre: [G, T, B, 3H] what inputs and biases add to the gates; overwritten, so it must be nobody else's.
        recurrent: [G, 3H, H].
        recurrent_bias: [G, H] the bias b inside the reset gate's reach.
        state: [G, B, H] h before the first step; None for zeros.

    Returns:
        [G, T, B, H] hidden states, and the state [G, B, H] after the last step.
    """
    hidden: Tensor = _GRU.apply(pre, recurrent, recurrent_bias, state)
    return hidden, hidden[:, -1]


class _GRU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, recurrent: Tensor, recurrent_bias: Tensor, h0: Tensor | None) -> Tensor:
        gates = pre.detach()
        size = recurrent.shape[2]
        hidden, reset = (gates.new_empty(*gates.shape[:3], size) for _ in range(2))
        h = gates.new_zeros(gates.shape[0], gates.shape[2], size) if h0 is None else h0
        for block in fold_blocks(recurrent):
            _forward(block, gates, recurrent, recurrent_bias, h[block], reset, hidden)
        ctx.save_for_backward(gates, reset, hidden, recurrent, h0)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhidden: Tensor) -> tuple[Tensor | None, ...]:
        gates, reset, hidden, recurrent, h0 = ctx.saved_tensors
        size = recurrent.shape[2]
        dgates = _local(gates, reset, hidden, h0)
        # As q comes first among the gradients, its rows come first among the weights.
        weights = torch.cat([recurrent[:, 2 * size :], recurrent[:, : 2 * size]], dim=1)
        z = gates[..., size : 2 * size]
        dh0 = torch.empty_like(hidden[:, 0])
        for block in fold_blocks(recurrent):
            update, from_above = steps(z, block), steps(dhidden, block)
            d_q_r_z = steps(dgates[..., : 3 * size], block)
            d_all = steps(dgates.unflatten(-1, (4, size)), block)
            dh = from_above[-1]
            for t in range(len(update) - 1, -1, -1):
                d_all[t].mul_(dh.unsqueeze(2))
                before = dh.new_zeros(()).expand_as(dh) if t == 0 else from_above[t - 1]
                dh = torch.baddbmm(before, d_q_r_z[t], weights[block]).addcmul_(dh, update[t])
            dh0[block] = dh
        drecurrent = recurrent_gradient(dgates[..., : 3 * size], hidden, h0)
        return (
            dgates[..., size:],
            torch.cat([drecurrent[:, size:], drecurrent[:, :size]], dim=1),
            dgates[..., :size].sum((1, 2)),
            None if h0 is None else dh0,
        )


def _forward(
    block: slice,
    gates: Tensor,
    recurrent: Tensor,
    recurrent_bias: Tensor,
    h: Tensor,
    reset: Tensor,
    hidden: Tensor,
) -> None:
    """Step a block of folds through time, turning ``gates`` from pre-activations into activations in place."""
    size = recurrent.shape[2]
    weights = recurrent[block].mT
    bias = torch.cat([recurrent_bias.new_zeros(recurrent_bias.shape[0], 2 * size), recurrent_bias], dim=1)
    bias = bias[block].unsqueeze(1).expand(-1, h.shape[1], -1)
    r_z, r, z, n = (
        steps(gates[..., low * size : high * size], block) for low, high in ((0, 2), (0, 1), (1, 2), (2, 3))
    )
    reset_steps, h_steps = steps(reset, block), steps(hidden, block)
    for t, out in enumerate(h_steps):
        product = torch.baddbmm(bias, h, weights)
        r_z[t].add_(product[..., : 2 * size]).sigmoid_()
        q = reset_steps[t].copy_(product[..., 2 * size :])
        n[t].addcmul_(r[t], q)
        tanh_of(n[t], n[t])
        h = torch.lerp(n[t], h, z[t], out=out)


def _local(gates: Tensor, reset: Tensor, hidden: Tensor, h0: Tensor | None) -> Tensor:
    """[G, T, B, 4H] derivatives of q, r, z and n's pre-activations, each to be multiplied by dh."""
    r, z, n = gates.chunk(3, dim=-1)
    local = gates.new_empty(*hidden.shape[:3], 4 * hidden.shape[3])
    local_q, local_r, local_z, local_n = local.chunk(4, dim=-1)
    torch.ops.aten.tanh_backward.grad_input(torch.rsub(z, 1.0), n, grad_input=local_n)
    torch.mul(local_n, r, out=local_q)
    torch.ops.aten.sigmoid_backward.grad_input(local_n * reset, r, grad_input=local_r)
    change = torch.sub(hidden[:, :-1], n[:, 1:])
    torch.ops.aten.sigmoid_backward.grad_input(change, z[:, 1:], grad_input=local_z[:, 1:])
    first = -n[:, 0] if h0 is None else h0 - n[:, 0]
    torch.ops.aten.sigmoid_backward.grad_input(first, z[:, 0], grad_input=local_z[:, 0])
    return local
