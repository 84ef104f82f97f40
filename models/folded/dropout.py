"""Dropout over folds: the one home of what the settings called dropout mean.

A probability is that of zeroing a value; what stays is scaled by 1 / (1 - probability), so that means stay.
TensorFlow 1 counted the probability of keeping instead, and the texts that used it give that number.
"""

import numpy as np
from torch import Tensor

from data_prep.randomness import stream
from models.folded.torch_typing import tensor

_LEVELS = 2**16
"""Values of the 16 random bits that decide over one element."""


class DropoutStreams:
    """One random stream a fold, from which masks are drawn in the order in which they are asked for."""

    def __init__(self, seed: int, purpose: str, *, num_folds: int, trial: int, epoch: int) -> None:
        """Open the streams at their beginning.

        Args:
            seed: The search's seed.
            purpose: What the masks are for ("dropout", "dropout at validation").
            num_folds: Number of folds G.
            trial: The trial's number.
            epoch: The epoch, from 1.
        """
        self._streams = [
            stream(seed, purpose, trial=trial, fold=fold, epoch=epoch).bit_generator for fold in range(num_folds)
        ]

    def drop(self, x: Tensor, probability: float) -> Tensor:
        """Zero elements of x [G, ...], each fold's by its own stream; nothing is drawn where the probability is 0."""
        if probability == 0.0:
            return x
        threshold = round(probability * _LEVELS)
        size = x[0].numel()
        kept = np.empty((len(self._streams), size), dtype=np.bool_)
        for fold_kept, bits in zip(kept, self._streams, strict=True):
            draws = np.asarray(bits.random_raw(-(-size // 4)), dtype=np.uint64)
            np.greater_equal(draws.view(np.uint16)[:size], threshold, out=fold_kept)
        mask = tensor(kept, x.device, x.dtype).mul_(_LEVELS / (_LEVELS - threshold))
        return x * mask.view_as(x)
