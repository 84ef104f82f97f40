"""Events: the (pitch, duration) pairs that every melody model is scored on, on one finite grid.

Symbols: N notes, D durations, E = 129 * D events (128 MIDI pitches and the rest, each with every duration).
Event ``pitch * D + duration`` has the rest as pitch 128. The base distribution and the share of unseen events are
what keeps an event that training never showed at a positive probability: (1 - eps) * model + eps * base.
"""

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies import NUM_PITCHES, REST, Melodies

NUM_EVENT_PITCHES = NUM_PITCHES + 1
"""Pitches of the grid: MIDI's and the rest."""


def num_events(num_durations: int) -> int:
    """Size E of the grid."""
    return NUM_EVENT_PITCHES * num_durations


def event_ids(pitch: NDArray[np.int16], duration: NDArray[np.int16], num_durations: int) -> NDArray[np.int64]:
    """Number events.

    Args:
        pitch: [N] MIDI pitch or REST.
        duration: [N] index of the duration.
        num_durations: D.

    Returns:
        [N] ids in 0..E-1.
    """
    row = np.where(pitch == REST, NUM_PITCHES, pitch).astype(np.int64)
    return row * num_durations + duration


def melody_events(melodies: Melodies) -> NDArray[np.int64]:
    """Number all notes' events in the original key, [N]."""
    return event_ids(melodies.pitch, melodies.duration, len(melodies.durations))


def unseen_share(events: NDArray[np.int64]) -> float:
    """Estimate the probability eps that the next event was never seen: Good-Turing's N1 / N (Good 1953).

    Kept within 1/(2N)..1/2, so that an unseen event keeps a probability where none was seen once, and a seen one its
    own where all were.

    Args:
        events: [N] the events seen, N > 0.

    Returns:
        eps.
    """
    num_once = np.count_nonzero(np.unique(events, return_counts=True)[1] == 1)
    return float(np.clip(num_once / len(events), 0.5 / len(events), 0.5))


def base_distribution(events: NDArray[np.int64], num_durations: int) -> NDArray[np.float64]:
    """Spread probability over the whole grid: the product of the add-one-smoothed marginals of pitch and duration.

    Args:
        events: [N] the events seen.
        num_durations: D.

    Returns:
        [E] p0, positive, of sum 1.
    """
    pitch, duration = np.divmod(events, num_durations)
    pitch_counts = np.bincount(pitch, minlength=NUM_EVENT_PITCHES) + 1.0
    duration_counts = np.bincount(duration, minlength=num_durations) + 1.0
    return np.outer(pitch_counts / pitch_counts.sum(), duration_counts / duration_counts.sum()).ravel()
