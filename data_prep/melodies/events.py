"""Events: the (pitch, duration) pairs that every melody model is scored on, on one finite grid.

Symbols: N notes, D durations, E = 129 * D events (128 MIDI pitches and the rest, each with every duration).
The number of an event is ``pitch * D + duration``, where the rest is pitch 128. The base distribution and the share eps
of unseen events give every event a positive probability: (1 - eps) * model + eps * base.
"""

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies.arrays import Melodies
from data_prep.pitches import NUM_PITCHES, REST

REST_PITCH = NUM_PITCHES
"""Number of the rest among the pitches of the grid."""

NUM_GRID_PITCHES = NUM_PITCHES + 1
"""Pitches of the grid: MIDI pitches and the rest."""


def num_events(num_durations: int) -> int:
    """Return the size E of the grid."""
    return NUM_GRID_PITCHES * num_durations


def grid_pitch(pitch: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return the numbers of pitches on the grid, 0..128, the rest last."""
    return np.where(pitch == REST, REST_PITCH, pitch).astype(np.int64)


def melody_events(melodies: Melodies) -> NDArray[np.int64]:
    """Return [N] the event of each note in the original key."""
    return grid_pitch(melodies.pitch) * len(melodies.durations) + melodies.duration


def unseen_share(num_once: NDArray[np.int64], num_seen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Estimate the probability eps that the next event is unseen: Good-Turing's N1 / N (Good 1953).

    At least one event counts as seen once, so that no probability is 0; eps is at most 1/2, so that seen events matter
    in a tiny corpus.

    Args:
        num_once: [...] N1, number of events seen exactly once.
        num_seen: [...] N, number of notes seen.

    Returns:
        [...] eps.
    """
    return np.minimum(np.maximum(num_once, 1) / np.maximum(num_seen, 1), 0.5)


def base_distribution(counts: NDArray[np.int64], num_durations: int) -> NDArray[np.float64]:
    """Return the base distribution: the product of the add-one-smoothed marginals of pitch and duration.

    Args:
        counts: [..., E] how often each event was seen.
        num_durations: Number of durations D.

    Returns:
        [..., E] p0, positive, with sum 1.
    """
    return base_of_marginals(*marginals(counts, num_durations))


def marginals(counts: NDArray[np.int64], num_durations: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sum counts of events [..., E] to counts of pitches [..., 129] and of durations [..., D]."""
    grid = counts.reshape(*counts.shape[:-1], NUM_GRID_PITCHES, num_durations)
    return grid.sum(axis=-1), grid.sum(axis=-2)


def base_of_marginals(pitches: NDArray[np.int64], durations: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the base distribution, [..., E], given the counts from ``marginals``."""
    pitch, duration = _add_one(pitches), _add_one(durations)
    return (pitch[..., :, None] * duration[..., None, :]).reshape(*pitch.shape[:-1], -1)


def _add_one(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return (counts + 1) / (counts + 1).sum(axis=-1, keepdims=True)
