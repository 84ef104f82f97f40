"""Products of each fold's matrices, by the fastest route that this machine has for their size.

Symbols: G folds, M rows, K inputs, N outputs.
"""

import torch
from torch import Tensor

_ONEDNN_FLOPS = 4e6
"""Operations of one fold's product from which oneDNN's float32 kernel, 220 GFLOP/s against MKL's 105 on an AVX-512
machine that is not Intel's, makes up for its 10 microseconds a call."""


def _onednn(x: Tensor, w: Tensor) -> bool:
    """Whether one fold's product should go to oneDNN."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and 2.0 * x.shape[-2] * x.shape[-1] * w.shape[-1] >= _ONEDNN_FLOPS
        and torch.backends.mkldnn.is_available()
    )


def product(x: Tensor, w: Tensor) -> Tensor:
    """Multiply one fold's matrices outside autograd.

    Args:
        x: [M, K].
        w: [K, N].

    Returns:
        [M, N].
    """
    if _onednn(x, w):
        return torch.ops.mkldnn._linear_pointwise(x, w.t(), None, "none", [], "")  # noqa: SLF001
    return x @ w


def products(x: Tensor, w: Tensor) -> Tensor:
    """Multiply every fold's matrices outside autograd.

    Args:
        x: [G, M, K].
        w: [G, K, N].

    Returns:
        [G, M, N].
    """
    if not _onednn(x, w):
        return torch.bmm(x, w)
    out = x.new_empty(x.shape[0], x.shape[1], w.shape[2])
    for fold_out, fold_x, fold_w in zip(out.unbind(0), x.unbind(0), w.unbind(0), strict=True):
        fold_out.copy_(product(fold_x, fold_w))
    return out
