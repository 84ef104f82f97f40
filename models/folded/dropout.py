"""Dropout over folds.

The probability is that of zeroing a value; the other values are scaled by 1 / (1 - probability). TensorFlow 1, and the
papers that used it, state the probability of keeping a value instead.
"""

import numpy as np
from torch import Tensor

from data_prep.randomness import fold_streams
from models.folded.torch_typing import tensor

_LEVELS = 2**16
"""Number of values of the 16 random bits for one element."""


class DropoutStreams:
    """One random stream per fold, from which masks are drawn in the order of the calls."""

    def __init__(self, seed: int, purpose: str, *, folds: range, trial: int, epoch: int) -> None:
        """Create the streams.

        Args:
            seed: The search's seed.
            purpose: Purpose of the masks ("dropout", "dropout at validation").
            folds: The G folds.
            trial: The trial's number.
            epoch: The epoch, from 1.
        """
        streams = fold_streams(seed, purpose, folds=folds, trial=trial, epoch=epoch)
        self._streams = [source.bit_generator for source in streams]

    def drop(self, x: Tensor, probability: float) -> Tensor:
        """Return x [G, ...] with elements zeroed by each fold's stream; probability 0 draws nothing."""
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
