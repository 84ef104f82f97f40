"""Shared parts of the recurrences: blocks of folds that step through time together, views of steps, a fast tanh.

Symbols: G folds, F folds of a block, T steps, B sequences of a fold, H units, N pre-activations.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from models.folded.reference.matmul import one_by_one, outer


def fold_blocks(recurrent: Tensor, batch: int) -> Iterator[slice]:
    """Split the folds into blocks that step through time together: all folds, or single folds if a CPU is faster so.

    Args:
        recurrent: [G, N, H] recurrent weights.
        batch: Sequences of a fold.

    Yields:
        Slices of the fold axis.
    """
    num_folds = len(recurrent)
    width = 1 if one_by_one(recurrent, batch) else num_folds
    yield from (slice(first, first + width) for first in range(0, num_folds, width))


def steps(sequence: Tensor, block: slice) -> tuple[Tensor, ...]:
    """Return views [F, B, ...] of a block's steps; unbind creates all at once, repeated indexing would be quadratic."""
    return sequence[block].unbind(1)


def tanh_into(out: Tensor, x: Tensor) -> None:
    """Write tanh(x) as 2 sigmoid(2x) - 1: the CPU's vectorised tanh takes eight times as long as its sigmoid.

    The absolute error is about 1e-7 in float32, even for a small tanh.
    """
    torch.mul(x, 2.0, out=out)
    out.sigmoid_()
    out.mul_(2.0).sub_(1.0)


def recurrent_gradient(dgates: Tensor, hidden: Tensor, initial: Tensor | None) -> Tensor:
    """Return the recurrent weights' gradient in one product over all steps.

    Args:
        dgates: [G, T, B, N] gradients of the pre-activations.
        hidden: [G, T, B, H] hidden states.
        initial: [G, B, H] hidden state before the first step, None for zeros.

    Returns:
        [G, N, H].
    """
    later = outer(dgates[:, 1:].flatten(1, 2), hidden[:, :-1].flatten(1, 2))
    return later if initial is None else torch.baddbmm(later, dgates[:, 0].mT, initial)
