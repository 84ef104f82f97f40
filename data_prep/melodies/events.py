"""Events: the (pitch, duration) pairs that every melody model is scored on, on one finite grid.

Symbols: N notes, D durations, E = 129 * D events (128 MIDI pitches and the rest, each with every duration).
Event ``pitch * D + duration`` has the rest as pitch 128. The base distribution and the share of unseen events are
give an event that training never showed a positive probability: (1 - eps) * model + eps * base.
"""

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies.arrays import Melodies
from data_prep.pitches import NUM_PITCHES, REST

REST_PITCH = NUM_PITCHES
"""The number of a rest among the pitches of the grid."""

NUM_GRID_PITCHES = NUM_PITCHES + 1
"""Pitches of the grid: MIDI's and the rest."""


def num_events(num_durations: int) -> int:
    """Size E of the grid."""
    return NUM_GRID_PITCHES * num_durations


def grid_pitch(pitch: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return the grid's numbers of pitches, 0..128, the rest last."""
    return np.where(pitch == REST, REST_PITCH, pitch).astype(np.int64)


def melody_events(melodies: Melodies) -> NDArray[np.int64]:
    """Number all notes' events in the original key, [N]."""
    return grid_pitch(melodies.pitch) * len(melodies.durations) + melodies.duration


def unseen_share(num_once: NDArray[np.int64], num_seen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Estimate the probability eps that the next event was never seen: Good-Turing's N1 / N (Good 1953).

    At least one event counts as seen once, so that nothing has probability 0; eps is at most 1/2, so that seen events
    matter in a tiny corpus.

    Args:
        num_once: [...] N1, how many events were seen exactly once.
        num_seen: [...] N, how many notes were seen.

    Returns:
        [...] eps.
    """
    return np.minimum(np.maximum(num_once, 1) / np.maximum(num_seen, 1), 0.5)


def base_distribution(counts: NDArray[np.int64], num_durations: int) -> NDArray[np.float64]:
    """Spread probability over the whole grid: the product of the add-one-smoothed marginals of pitch and duration.

    Args:
        counts: [..., E] how often each event was seen.
        num_durations: D.

    Returns:
        [..., E] p0, positive, of sum 1.
    """
    return base_of_marginals(*marginals(counts, num_durations))


def marginals(counts: NDArray[np.int64], num_durations: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sum counts of events [..., E] to those of the grid's pitches, [..., 129], and of its durations, [..., D]."""
    grid = counts.reshape(*counts.shape[:-1], NUM_GRID_PITCHES, num_durations)
    return grid.sum(axis=-1), grid.sum(axis=-2)


def base_of_marginals(pitches: NDArray[np.int64], durations: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the base distribution, [..., E], given what ``marginals`` returns."""
    pitch, duration = _add_one(pitches), _add_one(durations)
    return (pitch[..., :, None] * duration[..., None, :]).reshape(*pitch.shape[:-1], -1)


def _add_one(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return (counts + 1) / (counts + 1).sum(axis=-1, keepdims=True)
