"""Matrix products of all folds, by the fastest kernel for their size.

Symbols: G folds, M rows, K inputs, N outputs.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

_ONEDNN_FLOPS = 4e6
"""Operations of one fold's product above which oneDNN's float32 kernel is faster despite 10 microseconds per call: on
a non-Intel AVX-512 machine it reaches 220 GFLOP/s, torch.mm and torch.bmm, which use MKL, 105."""

_CACHE_BYTES = 2 * 2**20
"""Bytes of all folds' recurrent weights above which they do not fit into a core's cache."""


def _for_onednn(x: Tensor, num_outputs: int) -> bool:
    """Return whether oneDNN should compute one fold's product of x [..., M, K] with N = ``num_outputs``."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and 2.0 * x.shape[-2] * x.shape[-1] * num_outputs >= _ONEDNN_FLOPS
        and _has_onednn()
    )


@cache
def _has_onednn() -> bool:
    """Return whether this torch has oneDNN, and the private operator of its packed linear layers."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _onednn(x: Tensor, w: Tensor) -> Tensor:
    # The operator of torch.compile's packed linear layers. It copies an x that is not contiguous; if neither w nor its
    # transpose is contiguous, oneDNN falls back to its reference loop, which is a hundred times slower.
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
    # The transposed factor is copied, so the narrower one is transposed.
    return products(x.mT, y).mT if x.shape[2] < y.shape[2] else products(y.mT, x)


def one_by_one(recurrent: Tensor, batch: int) -> bool:
    """Return whether a recurrence should run fold by fold through all steps, instead of step by step for all folds.

    That is faster on a CPU if the weights of all folds do not fit into the cache, or if oneDNN computes a step.

    Args:
        recurrent: [G, N, K] weights.
        batch: Rows of a step.

    Returns:
        True for fold by fold.
    """
    overflow = recurrent.numel() * recurrent.element_size() > _CACHE_BYTES
    return recurrent.device.type == "cpu" and (overflow or _for_onednn(recurrent, batch))


def step_product(w: Tensor, batch: int) -> Callable[[Tensor], Tensor]:
    """Return a function that multiplies the input of each step by constant weights.

    Args:
        w: [F, K, N] weights of a block of folds.
        batch: Number of rows M of each step.

    Returns:
        A function from x [F, M, K] to x w [F, M, N]; a call may overwrite the result of the previous call.
    """
    if len(w) == 1 and _for_onednn(w.mT, batch):
        only = w[0].contiguous()
        return lambda x: _onednn(x[0], only).unsqueeze(0)
    # A batched product is fast only into a contiguous tensor, and a slice of one step is not contiguous.
    out = w.new_empty(len(w), batch, w.shape[2])
    return lambda x: torch.bmm(x, w, out=out)
