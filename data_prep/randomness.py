"""Every random stream, from (seed, purpose, trial, fold, epoch), so that no stream's state is ever stored.

A stream is named, not carried along: a trial that resumes at epoch 7 opens epoch 7's streams and gets the same numbers
as an uninterrupted run. Two names never share a stream, regardless of the order in which they are opened.
"""

import hashlib

import numpy as np


def _entropy(seed: int, purpose: str, trial: int, fold: int, epoch: int) -> int:
    name = f"{seed}|{purpose}|{trial}|{fold}|{epoch}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big")


def stream(seed: int, purpose: str, *, trial: int = 0, fold: int = 0, epoch: int = 0) -> np.random.Generator:
    """Return the numpy generator of that name, always at its beginning.

    Args:
        seed: The search's seed.
        purpose: What the numbers are for ("windows", "folds", "initial weights").
        trial: The trial's number in its search.
        fold: The fold, from 0.
        epoch: The epoch, from 1; 0 where there is none.

    Returns:
        A fresh generator.
    """
    return np.random.default_rng(_entropy(seed, purpose, trial, fold, epoch))


def fold_streams(seed: int, purpose: str, *, num_folds: int, trial: int, epoch: int) -> list[np.random.Generator]:
    """Return the stream of each fold; see :func:`stream`."""
    return [stream(seed, purpose, trial=trial, fold=fold, epoch=epoch) for fold in range(num_folds)]


def integer_seed(seed: int, purpose: str, *, trial: int = 0, fold: int = 0, epoch: int = 0) -> int:
    """Return the seed of that name for a library with its own generators (torch, optuna), in 0..2**32-1."""
    return _entropy(seed, purpose, trial, fold, epoch) % 2**32
