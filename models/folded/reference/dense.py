"""Dense layers over folds, with the backward pass written out.

Symbols: G folds, M rows, K inputs, N outputs.
"""

from typing import Any, cast

from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.reference.matmul import outer, products
from models.folded.torch_typing import Function


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply each fold's dense layer.

    Args:
        x: [G, M, K].
        weight: [G, N, K].
        bias: [G, N].

    Returns:
        [G, M, N], not a view.
    """
    return cast("Tensor", _Linear.apply(x, weight, bias))


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
