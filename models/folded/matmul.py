"""Products of each fold's matrices, by the fastest route that this machine has for their size.

Symbols: G folds, M rows, K inputs, N outputs.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

_ONEDNN_FLOPS = 4e6
"""Operations of one fold's product from which oneDNN's float32 kernel makes up for its 10 microseconds a call: on an
AVX-512 machine that is not Intel's it runs at 220 GFLOP/s, where torch.mm and torch.bmm, through MKL, stop at 105."""

_CACHE_BYTES = 2 * 2**20
"""Recurrent weights of all folds beyond which a step's batched product no longer finds them in a core's cache."""


def _for_onednn(x: Tensor, num_outputs: int) -> bool:
    """Whether one fold's product of x [..., M, K] with as many outputs should go to oneDNN."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and 2.0 * x.shape[-2] * x.shape[-1] * num_outputs >= _ONEDNN_FLOPS
        and _has_onednn()
    )


@cache
def _has_onednn() -> bool:
    """Whether this torch has oneDNN, and the operator behind its packed linear layers, which is not public."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _onednn(x: Tensor, w: Tensor) -> Tensor:
    # The operator behind torch.compile's packed linear layers. It copies an x that is not contiguous; for a w that is
    # neither as it stands nor turned round, oneDNN has only its reference loop, a hundred times slower.
    if not (w.is_contiguous() or w.t().is_contiguous()):
        w = w.contiguous()
    return torch.ops.mkldnn._linear_pointwise.default(x, w.t(), None, "none", [], "")  # noqa: SLF001


def product(x: Tensor, w: Tensor) -> Tensor:
    """Multiply one fold's matrices outside autograd.

    Args:
        x: [M, K].
        w: [K, N].

    Returns:
        [M, N].
    """
    return _onednn(x, w) if _for_onednn(x, w.shape[1]) else x @ w


def products(x: Tensor, w: Tensor) -> Tensor:
    """Multiply every fold's matrices outside autograd.

    Args:
        x: [G, M, K].
        w: [G, K, N].

    Returns:
        [G, M, N].
    """
    if not _for_onednn(x, w.shape[2]):
        return torch.bmm(x, w)
    out = x.new_empty(x.shape[0], x.shape[1], w.shape[2])
    for fold_out, fold_x, fold_w in zip(out.unbind(0), x.unbind(0), w.unbind(0), strict=True):
        fold_out.copy_(_onednn(fold_x, fold_w))
    return out


def outer(y: Tensor, x: Tensor) -> Tensor:
    """Sum every fold's outer products over the rows, y^T x, outside autograd.

    Args:
        y: [G, M, N].
        x: [G, M, K].

    Returns:
        [G, N, K].
    """
    # The factor that is turned round is copied: let it be the narrower one.
    return products(x.mT, y).mT if x.shape[2] < y.shape[2] else products(y.mT, x)


def one_by_one(recurrent: Tensor, batch: int) -> bool:
    """Whether a recurrence should run one fold after the other through all steps, not all folds through each step.

    On a CPU it should when all folds' weights together overflow the cache, or a step's product is oneDNN's.

    Args:
        recurrent: [G, N, K] weights.
        batch: Rows of a step.

    Returns:
        True for one after the other.
    """
    overflow = recurrent.numel() * recurrent.element_size() > _CACHE_BYTES
    return recurrent.device.type == "cpu" and (overflow or _for_onednn(recurrent, batch))


def step_product(w: Tensor, batch: int) -> Callable[[Tensor], Tensor]:
    """Prepare the product with weights that stay the same over many steps.

    Args:
        w: [F, K, N] weights of a block of folds.
        batch: Rows M of a step.

    Returns:
        A function from x [F, M, K] to x w [F, M, N]; what it returned before may be overwritten.
    """
    if len(w) == 1 and _for_onednn(w.mT, batch):
        only = w[0].contiguous()
        return lambda x: _onednn(x[0], only).unsqueeze(0)
    # A batched product is fast only into a contiguous tensor, which a step's slice of all steps is not.
    out = w.new_empty(len(w), batch, w.shape[2])
    return lambda x: torch.bmm(x, w, out=out)
