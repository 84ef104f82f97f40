"""Choose the key of a tune by a model that was trained in all keys."""

import numpy as np
from numpy.typing import NDArray

from data_prep.pitches import NUM_PITCHES, REST
from data_prep.tunes.notation import Tune


def in_best_key(tune: Tune, pitch_counts: NDArray[np.int64], low: int, high: int) -> Tune:
    """Transpose a tune to the key and octave in which its pitches are most likely.

    Args:
        tune: The tune, in any key.
        pitch_counts: [128 or more] count of each MIDI pitch in the training pieces, in their original keys.
        low: The lowest allowed pitch, not above the tune's lowest.
        high: The highest allowed pitch, not below the tune's highest.

    Returns:
        The transposed tune; of equally likely keys, the nearest.
    """
    pitch = np.array([note for note in tune.pitch if note != REST], np.int64)
    if not len(pitch):
        return tune
    log_p = np.log(pitch_counts[:NUM_PITCHES] + 1.0)
    shifts = sorted(range(low - int(pitch.min()), high - int(pitch.max()) + 1), key=abs)
    return tune.transposed(max(shifts, key=lambda shift: log_p[pitch + shift].sum()))
