"""Elman's recurrent layer over folds, h = tanh(pre + R h'), with its backward pass written out.

Symbols: G folds, T steps, B sequences of a fold, H units; ' marks the previous step.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.reference.blocks import fold_blocks, recurrent_gradient, steps, tanh_into
from models.folded.reference.matmul import step_product
from models.folded.torch_typing import Function


def rnn(pre: Tensor, recurrent: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Run an Elman layer on pre-activations.

    Args:
        pre: [G, T, B, H] contributions of inputs and biases; overwritten, so it must not be shared.
        recurrent: [G, H, H].
        state: [G, B, H] h before the first step; None for zeros.

    Returns:
        [G, T, B, H] hidden states, and the state [G, B, H] after the last step.
    """
    hidden = cast("Tensor", _RNN.apply(pre, recurrent, state))
    return hidden, hidden[:, -1]


class _RNN(Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, recurrent: Tensor, h0: Tensor | None) -> Tensor:
        hidden = torch.empty_like(pre)
        for block in fold_blocks(recurrent, pre.shape[2]):
            times_recurrent = step_product(recurrent[block].mT, pre.shape[2])
            h = None if h0 is None else h0[block]
            for a, out in zip(steps(pre.detach(), block), steps(hidden, block), strict=True):
                if h is not None:
                    a.add_(times_recurrent(h))
                tanh_into(out, a)
                h = out
        ctx.save_for_backward(hidden, recurrent, h0)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhidden: Tensor) -> tuple[Tensor | None, ...]:
        hidden, recurrent, h0 = ctx.saved_tensors
        dpre = torch.ops.aten.tanh_backward.default(dhidden, hidden)
        slopes = torch.rsub(hidden.square(), 1.0)
        dh0 = torch.empty_like(hidden[:, 0]) if h0 is not None else None
        for block in fold_blocks(recurrent, hidden.shape[2]):
            times_recurrent = step_product(recurrent[block], hidden.shape[2])
            d, slope = steps(dpre, block), steps(slopes, block)
            for t in range(len(d) - 1, 0, -1):
                d[t - 1].addcmul_(times_recurrent(d[t]), slope[t - 1])
            if dh0 is not None:
                torch.bmm(d[0], recurrent[block], out=dh0[block])
        return dpre, recurrent_gradient(dpre, hidden, h0), dh0
