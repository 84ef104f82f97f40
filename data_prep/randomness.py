"""Random streams derived from (seed, purpose, trial, fold, epoch), so that no generator state is ever stored.

A trial that resumes at epoch 7 opens the streams of epoch 7 and gets the same numbers as an uninterrupted run. Streams
with different names are independent, regardless of the order in which they are opened.
"""

import hashlib

import numpy as np


def _entropy(seed: int, purpose: str, trial: int, fold: int, epoch: int) -> int:
    name = f"{seed}|{purpose}|{trial}|{fold}|{epoch}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big")


def stream(seed: int, purpose: str, *, trial: int = 0, fold: int = 0, epoch: int = 0) -> np.random.Generator:
    """Return a new NumPy generator for the given name.

    Args:
        seed: The search's seed.
        purpose: The purpose of the numbers ("windows", "folds", "initial weights").
        trial: The trial's number in its search.
        fold: The fold, from 0.
        epoch: The epoch, from 1; 0 where there is none.

    Returns:
        The generator in its initial state.
    """
    return np.random.default_rng(_entropy(seed, purpose, trial, fold, epoch))


def fold_streams(seed: int, purpose: str, *, folds: range, trial: int, epoch: int) -> list[np.random.Generator]:
    """Return the stream of each of the folds; see :func:`stream`."""
    return [stream(seed, purpose, trial=trial, fold=fold, epoch=epoch) for fold in folds]


def integer_seed(seed: int, purpose: str, *, trial: int = 0, fold: int = 0, epoch: int = 0) -> int:
    """Return an integer seed in 0..2**32-1 for a library with its own generators (torch, optuna)."""
    return _entropy(seed, purpose, trial, fold, epoch) % 2**32
