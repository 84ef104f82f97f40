"""Dense layers and row gathers over folds.

Symbols: G folds, M rows (steps and sequences together), K inputs, N outputs, V table rows.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.matmul import outer, products
from models.folded.torch_typing import Function


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply each fold's dense layer.

    Args:
        x: [G, ..., K].
        weight: [G, N, K].
        bias: [G, N].

    Returns:
        [G, ..., N], not a view.
    """
    y = cast("Tensor", _Linear.apply(x.flatten(1, -2), weight, bias))
    return y.view(*x.shape[:-1], -1)


class _Linear(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return products(x, weight.mT).add_(bias.unsqueeze(1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        dx = products(dy, weight) if ctx.needs_input_grad[0] else None
        return dx, outer(dy, x), dy.sum(1)


def rows(table: Tensor, index: Tensor) -> Tensor:
    """Gather each fold's rows: the product of one-hot inputs and weights.

    Args:
        table: [G, V, N].
        index: [G, ...] int64 in 0..V-1.

    Returns:
        [G, ..., N], not a view.
    """
    num_folds, num_rows = table.shape[:2]
    offset = torch.arange(num_folds, device=index.device).mul_(num_rows).view(-1, *[1] * (index.dim() - 1))
    return torch.nn.functional.embedding(index + offset, table.flatten(0, 1))
