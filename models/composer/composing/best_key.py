"""The key for a tune of a model that was trained in all keys: the one in which its notes lie best."""

import numpy as np
from numpy.typing import NDArray

from data_prep.pitches import NUM_PITCHES, REST
from data_prep.tunes.notation import Tune


def in_best_key(tune: Tune, pitch_counts: NDArray[np.int64], low: int, high: int) -> Tune:
    """Transpose a tune to where its notes are most likely, each by itself, among the pitches of training pieces.

    Args:
        tune: The tune, in any key.
        pitch_counts: [128 or more] how often the training pieces, as they are written, have each MIDI pitch.
        low: The lowest pitch that it may get, at most its lowest.
        high: The highest, at least its highest.

    Returns:
        The tune in that key and octave, the nearest of equally good ones.
    """
    pitch = np.array([one for one in tune.pitch if one != REST], np.int64)
    if not len(pitch):
        return tune
    log_p = np.log(pitch_counts[:NUM_PITCHES] + 1.0)
    shifts = sorted(range(low - int(pitch.min()), high - int(pitch.max()) + 1), key=abs)
    return tune.transposed(max(shifts, key=lambda shift: log_p[pitch + shift].sum()))
