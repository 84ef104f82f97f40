"""The LSTM over folds, plain or with diagonal peepholes, with its backward pass written out.

Symbols: G folds, F folds of a block, T steps, B sequences of a fold, H units; gates in the order i, f, g, o, as in
torch.nn.LSTM.

    a = pre + R h'    i = sigmoid(a_i + p_i c')    f = sigmoid(a_f + p_f c')    g = tanh(a_g)
    c = f c' + i g    o = sigmoid(a_o + p_o c)     h = o tanh(c)

where ' marks the previous step and p = 0 without peepholes (Gers & Schmidhuber 2000, "Recurrent nets that time and
count"). In the backward pass the loop over time only computes what depends on dh and dc; factors that are local to a
step, such as g i (1 - i), are computed for all steps together, and the weights' gradient is one product at the end.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.reference.blocks import fold_blocks, recurrent_gradient, steps, tanh_into
from models.folded.reference.matmul import step_product
from models.folded.torch_typing import Function

_sigmoid_slope = torch.ops.aten.sigmoid_backward.grad_input  # (grad, y) -> grad y (1 - y), in one pass
_tanh_slope = torch.ops.aten.tanh_backward.grad_input  # (grad, y) -> grad (1 - y^2)


def lstm(
    pre: Tensor, recurrent: Tensor, peephole: Tensor | None = None, state: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run an LSTM layer on pre-activations.

    Args:
        pre: [G, T, B, 4H] contributions of inputs and biases to the gates; overwritten, so it must not be shared.
        recurrent: [G, 4H, H].
        peephole: [G, 3, H] diagonal weights of i, f and o, None for a plain LSTM.
        state: h and c before the first step, each [G, B, H]; None for zeros.

    Returns:
        [G, T, B, H] hidden states, and the state (h, c) after the last step.
    """
    h0, c0 = state if state is not None else (None, None)
    hidden, cell = cast("tuple[Tensor, Tensor]", _LSTM.apply(pre, recurrent, peephole, h0, c0))
    return hidden, (hidden[:, -1], cell)


@dataclass(frozen=True)
class _Tape:
    """Tensors that the forward pass saves for the backward pass.

    Attributes:
        gates: [G, T, B, 4H] activations, which replace the pre-activations in memory.
        cells: [G, T, B, H] c.
        tanh_cells: [G, T, B, H] tanh(c).
        hidden: [G, T, B, H] h.
    """

    gates: Tensor
    cells: Tensor
    tanh_cells: Tensor
    hidden: Tensor


@dataclass(frozen=True)
class _Slopes:
    """Gradients that are computed in place; those of a step are final after the loop has passed it.

    Attributes:
        gates: [G, T, B, 4H] at first the local derivatives, to be multiplied by dc (i, f, g) or dh (o); then gradients.
        tanh_cells: [G, T, B, H] o (1 - tanh(c)^2), to be multiplied by dh.
        hidden: [G, T, B, H] at first the gradients from above; then including those from the next step.
        cell: [G, B, H] at first the last cell state's gradient; then that of the state before the first step.
    """

    gates: Tensor
    tanh_cells: Tensor
    hidden: Tensor
    cell: Tensor


class _LSTM(Function):
    @staticmethod
    def forward(
        ctx: Any, pre: Tensor, recurrent: Tensor, peephole: Tensor | None, h0: Tensor | None, c0: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        shape = (*pre.shape[:3], recurrent.shape[2])
        tape = _Tape(pre.detach(), pre.new_empty(shape), pre.new_empty(shape), pre.new_empty(shape))
        for block in fold_blocks(recurrent, pre.shape[2]):
            state = (None, None) if h0 is None or c0 is None else (h0[block], c0[block])
            _forward(block, tape, recurrent[block], None if peephole is None else peephole[block], state)
        ctx.save_for_backward(tape.gates, tape.cells, tape.tanh_cells, tape.hidden, recurrent, peephole, h0, c0)
        return tape.hidden, tape.cells[:, -1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhidden: Tensor, dcell: Tensor) -> tuple[Tensor | None, ...]:
        gates, cells, tanh_cells, hidden, recurrent, peephole, h0, c0 = ctx.saved_tensors
        tape = _Tape(gates, cells, tanh_cells, hidden)
        slopes = _Slopes(*_local(tape, c0), dhidden.clone(), dcell.clone())
        dh0 = torch.empty_like(dcell) if h0 is not None else None
        for block in fold_blocks(recurrent, gates.shape[2]):
            _backward(block, tape, slopes, recurrent[block], None if peephole is None else peephole[block])
            if dh0 is not None:
                torch.bmm(slopes.gates[block, 0], recurrent[block], out=dh0[block])
        return (
            slopes.gates,
            recurrent_gradient(slopes.gates, hidden, h0),
            None if peephole is None else _peephole_gradient(slopes.gates, cells, c0),
            dh0,
            None if c0 is None else slopes.cell,
        )


def _forward(
    block: slice,
    tape: _Tape,
    recurrent: Tensor,
    peephole: Tensor | None,
    state: tuple[Tensor | None, Tensor | None],
) -> None:
    """Step a block of folds through time; activations replace the pre-activations in the gates."""
    h, c = state
    size = recurrent.shape[2]
    times_recurrent = step_product(recurrent.mT, tape.gates.shape[2])
    i, f, g, o = (steps(part, block) for part in tape.gates.chunk(4, dim=-1))
    i_f = steps(tape.gates[..., : 2 * size].view(*tape.hidden.shape[:3], 2, size), block)
    i_f_g = steps(tape.gates[..., : 3 * size], block)
    cells, tanh_cells, hidden = steps(tape.cells, block), steps(tape.tanh_cells, block), steps(tape.hidden, block)
    p_i_f, p_o = (None, None) if peephole is None else (peephole[:, None, :2], peephole[:, 2:])
    for t, a in enumerate(steps(tape.gates, block)):
        if h is not None:
            a.add_(times_recurrent(h))
        g[t].mul_(2.0)  # tanh(x) = 2 sigmoid(2x) - 1: one sigmoid for all gates, as torch's tanh is slow
        if p_i_f is None:
            a.sigmoid_()
        else:
            if c is not None:
                i_f[t].addcmul_(c.unsqueeze(2), p_i_f)
            i_f_g[t].sigmoid_()
        g[t].mul_(2.0).sub_(1.0)
        torch.mul(i[t], g[t], out=cells[t])
        if c is not None:
            cells[t].addcmul_(f[t], c)
        h, c = hidden[t], cells[t]
        if p_o is not None:
            o[t].addcmul_(c, p_o).sigmoid_()
        tanh_into(tanh_cells[t], c)
        torch.mul(o[t], tanh_cells[t], out=h)


def _local(tape: _Tape, c0: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the local derivatives, the initial ``_Slopes.gates`` and ``_Slopes.tanh_cells``."""
    i, f, g, o = tape.gates.chunk(4, dim=-1)
    local = torch.empty_like(tape.gates)
    local_i, local_f, local_g, local_o = local.chunk(4, dim=-1)
    _sigmoid_slope(g, i, grad_input=local_i)
    _sigmoid_slope(tape.cells[:, :-1], f[:, 1:], grad_input=local_f[:, 1:])
    if c0 is None:
        local_f[:, 0].zero_()
    else:
        _sigmoid_slope(c0, f[:, 0], grad_input=local_f[:, 0])
    _tanh_slope(i, g, grad_input=local_g)
    _sigmoid_slope(tape.tanh_cells, o, grad_input=local_o)
    dtanh = torch.empty_like(tape.hidden)
    _tanh_slope(o, tape.tanh_cells, grad_input=dtanh)
    return local, dtanh


def _backward(block: slice, tape: _Tape, slopes: _Slopes, recurrent: Tensor, peephole: Tensor | None) -> None:
    """Step a block of folds back through time, and replace local derivatives by gradients."""
    size = recurrent.shape[2]
    times_recurrent = step_product(recurrent, tape.gates.shape[2])
    f = steps(tape.gates[..., size : 2 * size], block)
    d_gates, d_o = steps(slopes.gates, block), steps(slopes.gates[..., 3 * size :], block)
    d_i, d_f = (steps(part, block) for part in slopes.gates[..., : 2 * size].chunk(2, dim=-1))
    d_i_f_g = steps(slopes.gates[..., : 3 * size].view(*slopes.hidden.shape[:3], 3, size), block)
    dh, dtanh = steps(slopes.hidden, block), steps(slopes.tanh_cells, block)
    dc, dc_wide = slopes.cell[block], slopes.cell[block].unsqueeze(2)
    p_i, p_f, p_o = (None, None, None) if peephole is None else peephole.unsqueeze(2).unbind(1)
    for t in range(len(f) - 1, -1, -1):
        dc.addcmul_(dh[t], dtanh[t])
        d_o[t].mul_(dh[t])
        if p_o is not None:
            dc.addcmul_(d_o[t], p_o)
        d_i_f_g[t].mul_(dc_wide)
        dc.mul_(f[t])
        if p_i is not None and p_f is not None:
            dc.addcmul_(d_i[t], p_i).addcmul_(d_f[t], p_f)
        if t > 0:
            dh[t - 1].add_(times_recurrent(d_gates[t]))


def _peephole_gradient(dgates: Tensor, cells: Tensor, c0: Tensor | None) -> Tensor:
    """Return [G, 3, H] the gradients of p_i, p_f and p_o."""
    first = torch.zeros_like(cells[:, 0]) if c0 is None else c0
    before = torch.cat([first.unsqueeze(1), cells[:, :-1]], dim=1)
    di, df, _, do = dgates.chunk(4, dim=-1)
    return torch.stack([(d * c).sum((1, 2)) for d, c in ((di, before), (df, before), (do, cells))], dim=1)
