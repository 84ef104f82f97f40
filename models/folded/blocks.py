"""Which folds a recurrence steps through time together.

Symbols: G folds, T steps, B sequences of a fold, H units.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from models.folded.matmul import products

_CACHE_BYTES = 2 * 2**20
"""Recurrent weights of all folds up to which one batched product a step is faster than one fold after the other: beyond,
they no longer stay in a core's cache from one step to the next."""


def fold_blocks(recurrent: Tensor) -> Iterator[slice]:
    """Split the folds into blocks: all at once, or on a CPU one by one when their weights overflow the cache.

    Args:
        recurrent: [G, n * H, H] recurrent weights.

    Yields:
        Slices of the fold axis.
    """
    num_folds = recurrent.shape[0]
    if recurrent.device.type == "cpu" and recurrent.numel() * recurrent.element_size() > _CACHE_BYTES:
        yield from (slice(fold, fold + 1) for fold in range(num_folds))
    else:
        yield slice(0, num_folds)


def steps(sequence: Tensor, block: slice) -> tuple[Tensor, ...]:
    """View a block's [F, B, ...] of every step; unbind makes them at once, indexing one by one would be quadratic."""
    return sequence[block].unbind(1)


def tanh_of(x: Tensor, out: Tensor) -> None:
    """Write tanh(x) to ``out``, as 2 sigmoid(2x) - 1: the CPU's vectorised tanh takes eight times as long as its sigmoid.

    The error is that of a sum near 1, about 1e-7 in float32, also where tanh itself is small.
    """
    torch.mul(x, 2.0, out=out)
    out.sigmoid_()
    out.mul_(2.0).sub_(1.0)


def recurrent_gradient(dgates: Tensor, hidden: Tensor, initial: Tensor | None) -> Tensor:
    """Give the recurrent weights' gradient in one product over all steps.

    Args:
        dgates: [G, T, B, N] gradients of what the weights' products were added to.
        hidden: [G, T, B, H] hidden states.
        initial: [G, B, H] the state before the first step, None for zeros.

    Returns:
        [G, N, H].
    """
    later = products(dgates[:, 1:].flatten(1, 2).mT, hidden[:, :-1].flatten(1, 2))
    if initial is not None:
        later = torch.baddbmm(later, dgates[:, 0].mT, initial)
    return later
