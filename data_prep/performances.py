"""Piano performances as read: what was struck, how hard, and when."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Performance:
    """One, as read; rows sorted by (tick, pitch)."""

    pitch: NDArray[np.int16]  # [n] MIDI
    velocity: NDArray[np.int16]  # [n] 1..127
    onset: NDArray[np.float64]  # [n] quarter notes from the beginning of the file's first bar
    duration: NDArray[np.float64]  # [n] quarter notes, > 0
    seconds: NDArray[np.float64]  # [n] seconds of the onset
    tick: NDArray[np.int64]  # [n] the file's ticks of the onset
