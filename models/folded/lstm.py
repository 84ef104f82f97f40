"""The LSTM over folds, plain or with diagonal peepholes, with its backward pass written out.

Symbols: G folds, T steps, B sequences of a fold, H units; gates in torch.nn.LSTM's order i, f, g, o.

    i = sigmoid(a_i + p_i c')    f = sigmoid(a_f + p_f c')    g = tanh(a_g)       a = pre + R h'
    c = f c' + i g               o = sigmoid(a_o + p_o c)     h = o tanh(c)

where ' marks the step before and p = 0 without peepholes (Gers & Schmidhuber 2000, "Recurrent nets that time and count").
Backward, only what depends on the running dh and dc is left inside the time loop; everything local to a step, such as
g i (1 - i), is taken for all steps together, and the weights' gradient is one product at the end.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.blocks import fold_blocks, recurrent_gradient, steps, tanh_of

_sigmoid_backward = torch.ops.aten.sigmoid_backward.default  # (grad, y) -> grad y (1 - y), in one pass
_tanh_backward = torch.ops.aten.tanh_backward.default  # (grad, y) -> grad (1 - y^2)


def lstm(
    pre: Tensor, recurrent: Tensor, peephole: Tensor | None = None, state: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run an LSTM layer on pre-activations.

    Args:
        pre: [G, T, B, 4H] what inputs and biases add to the gates; overwritten, so it must be nobody else's.
        recurrent: [G, 4H, H].
        peephole: [G, 3, H] diagonal weights of i, f and o, None for a plain LSTM.
        state: h and c before the first step, each [G, B, H]; None for zeros.

    Returns:
        [G, T, B, H] hidden states, and the state (h, c) after the last step.
    """
    h0, c0 = state if state is not None else (None, None)
    hidden, cell = _LSTM.apply(pre, recurrent, peephole, h0, c0)
    return hidden, (hidden[:, -1], cell)


class _LSTM(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, pre: Tensor, recurrent: Tensor, peephole: Tensor | None, h0: Tensor | None, c0: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        gates = pre.detach()
        size = recurrent.shape[2]
        cells, tanh_cells, hidden = (gates.new_empty(*gates.shape[:3], size) for _ in range(3))
        for block in fold_blocks(recurrent):
            _forward(block, gates, recurrent, peephole, _part(h0, block), _part(c0, block), cells, tanh_cells, hidden)
        ctx.save_for_backward(gates, cells, tanh_cells, hidden, recurrent, peephole, h0, c0)
        return hidden, cells[:, -1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhidden: Tensor, dcell: Tensor) -> tuple[Tensor | None, ...]:
        gates, cells, tanh_cells, hidden, recurrent, peephole, h0, c0 = ctx.saved_tensors
        dgates = _local(gates, cells, tanh_cells, c0)
        dtanh = _tanh_backward(gates.chunk(4, dim=-1)[3], tanh_cells)
        dh0, dc0 = torch.empty_like(hidden[:, 0]), dcell.clone()
        for block in fold_blocks(recurrent):
            _backward(block, gates, recurrent, peephole, dhidden, dgates, dtanh, dh0, dc0)
        dpeephole = None
        if peephole is not None:
            before = torch.cat(
                [(torch.zeros_like(cells[:, 0]) if c0 is None else c0).unsqueeze(1), cells[:, :-1]], dim=1
            )
            di, df, _, do = dgates.chunk(4, dim=-1)
            dpeephole = torch.stack(
                [(di * before).sum((1, 2)), (df * before).sum((1, 2)), (do * cells).sum((1, 2))], dim=1
            )
        return (
            dgates,
            recurrent_gradient(dgates, hidden, h0),
            dpeephole,
            None if h0 is None else dh0,
            None if c0 is None else dc0,
        )


def _part(state: Tensor | None, block: slice) -> Tensor | None:
    return None if state is None else state[block]


def _forward(
    block: slice,
    gates: Tensor,
    recurrent: Tensor,
    peephole: Tensor | None,
    h: Tensor | None,
    c: Tensor | None,
    cells: Tensor,
    tanh_cells: Tensor,
    hidden: Tensor,
) -> None:
    """Step a block of folds through time, turning ``gates`` from pre-activations into activations in place."""
    weights = recurrent[block].mT
    size = recurrent.shape[2]
    p_if = p_o = None
    if peephole is not None:
        p_if, p_o = peephole[block, None, :2], peephole[block, 2:]
    i_f_g = steps(gates[..., : 3 * size], block)
    i_f = steps(gates[..., : 2 * size].unflatten(-1, (2, size)), block)
    i, f, g, o = (steps(part, block) for part in gates.chunk(4, dim=-1))
    all_gates = steps(gates, block)
    c_steps, tanh_steps, h_steps = steps(cells, block), steps(tanh_cells, block), steps(hidden, block)
    for t, a in enumerate(all_gates):
        if h is not None:
            torch.baddbmm(a, h, weights, out=a)
        g[t].mul_(2.0)
        if p_if is None:
            a.sigmoid_()
        else:
            if c is not None:
                i_f[t].addcmul_(c.unsqueeze(2), p_if)
            i_f_g[t].sigmoid_()
        g[t].mul_(2.0).sub_(1.0)
        if c is None:
            torch.mul(i[t], g[t], out=c_steps[t])
        else:
            torch.mul(f[t], c, out=c_steps[t]).addcmul_(i[t], g[t])
        c = c_steps[t]
        if p_o is not None:
            o[t].addcmul_(c, p_o).sigmoid_()
        tanh_of(c, tanh_steps[t])
        h = torch.mul(o[t], tanh_steps[t], out=h_steps[t])


def _local(gates: Tensor, cells: Tensor, tanh_cells: Tensor, c0: Tensor | None) -> Tensor:
    """[G, T, B, 4H] each gate's derivative, to be multiplied by dc (i, f, g) or dh (o)."""
    i, f, g, o = gates.chunk(4, dim=-1)
    local = torch.empty_like(gates)
    local_i, local_f, local_g, local_o = local.chunk(4, dim=-1)
    torch.ops.aten.sigmoid_backward.grad_input(g, i, grad_input=local_i)
    torch.ops.aten.sigmoid_backward.grad_input(cells[:, :-1], f[:, 1:], grad_input=local_f[:, 1:])
    if c0 is None:
        local_f[:, 0].zero_()
    else:
        torch.ops.aten.sigmoid_backward.grad_input(c0, f[:, 0], grad_input=local_f[:, 0])
    torch.ops.aten.tanh_backward.grad_input(i, g, grad_input=local_g)
    torch.ops.aten.sigmoid_backward.grad_input(tanh_cells, o, grad_input=local_o)
    return local


def _backward(
    block: slice,
    gates: Tensor,
    recurrent: Tensor,
    peephole: Tensor | None,
    dhidden: Tensor,
    dgates: Tensor,
    dtanh: Tensor,
    dh0: Tensor,
    dc0: Tensor,
) -> None:
    """Step a block of folds back through time, turning ``dgates`` from local derivatives into gradients in place.

    ``dc0`` comes in as the gradient of the last cell state and goes out as that of the state before the first step.
    """
    weights = recurrent[block]
    size = recurrent.shape[2]
    f = steps(gates[..., size : 2 * size], block)
    d_all, d_o = steps(dgates, block), steps(dgates[..., 3 * size :], block)
    d_i, d_f = (steps(part, block) for part in dgates[..., : 2 * size].chunk(2, dim=-1))
    d_ifg = steps(dgates[..., : 3 * size].unflatten(-1, (3, size)), block)
    from_above, c_slopes = steps(dhidden, block), steps(dtanh, block)
    dc, dc_wide = dc0[block], dc0[block].unsqueeze(2)
    dh = from_above[-1]
    p_i = p_f = p_o = None
    if peephole is not None:
        p_i, p_f, p_o = (part.unsqueeze(1) for part in peephole[block].unbind(1))
    for t in range(len(f) - 1, -1, -1):
        dc.addcmul_(dh, c_slopes[t])
        d_o[t].mul_(dh)
        if p_o is not None:
            dc.addcmul_(d_o[t], p_o)
        d_ifg[t].mul_(dc_wide)
        dc.mul_(f[t])
        if p_i is not None and p_f is not None:
            dc.addcmul_(d_i[t], p_i).addcmul_(d_f[t], p_f)
        if t > 0:
            dh = torch.baddbmm(from_above[t - 1], d_all[t], weights)
    torch.bmm(d_all[0], weights, out=dh0[block])
