"""Which layers have kernels: the gates of each cell, and limits on type and size."""

import torch

GATES = {"rnn": 1, "gru": 3, "lstm": 4, "peephole": 4}
"""Gates of each ``models.folded.layers.Cell``."""

MOST_BYTES = 2**22
"""Recurrent weights of a fold above which the reference should be faster: a program reads all of them in each step,
through one multiprocessor, and the reference through all. This is computed, not measured: 512 units of an LSTM."""


def fits(cell: str, size: int, dtype: torch.dtype) -> bool:
    """Decide whether there are kernels for a layer.

    Args:
        cell: A ``models.folded.layers.Cell``.
        size: H.
        dtype: Of pre-activations and weights; only float32 has kernels.

    Returns:
        True if there are.
    """
    return dtype == torch.float32 and GATES[cell] * size * size * dtype.itemsize <= MOST_BYTES
