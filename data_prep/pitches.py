"""Numbers of pitches, rests and velocities, and the range of a piano."""

import numpy as np
from numpy.typing import NDArray

REST = -1
"""Pitch of a rest."""

NUM_PITCHES = 128
"""MIDI pitches 0..127; pitch shifts wrap within them so that a shift is a bijection."""

LOWEST_KEY = 21
"""MIDI pitch of a piano's first key."""

NUM_KEYS = 88
"""Keys K of a piano."""

MAX_VELOCITY = 127
"""Greatest MIDI velocity."""


def has_key(pitch: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return [n] whether a piano has a key for each MIDI pitch."""
    return (pitch >= LOWEST_KEY) & (pitch < LOWEST_KEY + NUM_KEYS)
