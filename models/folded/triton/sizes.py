"""Which layers have kernels: limits on type and size."""

import torch

from models.folded.arguments import GATES

MOST_BYTES = 2**22
"""Recurrent weights of a fold above which the reference should be faster: a program reads all of them in each step,
through one multiprocessor, and the reference through all. This is computed, not measured: 512 units of an LSTM."""


def fits(cell: str, size: int, dtype: torch.dtype) -> bool:
    """Decide whether there are kernels for a layer.

    Args:
        cell: A ``models.folded.arguments.Cell``.
        size: H.
        dtype: Of pre-activations and weights; only float32 has kernels.

    Returns:
        True if there are.
    """
    return dtype == torch.float32 and GATES[cell] * size * size * dtype.itemsize <= MOST_BYTES
