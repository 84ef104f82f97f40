"""Dense layers and row gathers over folds.

Symbols: G folds, K inputs, N outputs, V table rows.
"""

import torch
from torch import Tensor

from models.folded.backends import backend_of


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply each fold's dense layer.

    Args:
        x: [G, ..., K].
        weight: [G, N, K].
        bias: [G, N].

    Returns:
        [G, ..., N], not a view.
    """
    return backend_of(x).linear(x.flatten(1, -2), weight, bias).view(*x.shape[:-1], weight.shape[1])


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
