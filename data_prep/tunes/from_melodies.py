"""Convert the pieces of a corpus to tunes, with estimated keys.

Prepared pieces contain the tonic of their key signature but not the mode, which is estimated from the notes. A piece
without a key has tonic 0, like a piece on C, so that the tonic is estimated too (of O'Neill's and Aird's pieces on C,
the estimate is right for all but two).
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies.arrays import Melodies
from data_prep.tunes.keys import estimate_key
from data_prep.tunes.notation import Tune


def corpus_tunes(melodies: Melodies) -> list[Tune]:
    """Return every piece as a tune, untitled."""
    pitches = _integers(melodies.pitch)
    durations = [melodies.durations[index] for index in _integers(melodies.duration)]
    metres = [melodies.metres[index] for index in _integers(melodies.metre)]
    pickups = [melodies.positions[index] for index in _integers(melodies.pickup)]
    tonics = _integers(melodies.tonic)
    tunes: list[Tune] = []
    for piece, (begin, end) in enumerate(pairwise(_integers(melodies.start))):
        pitch, duration = tuple(pitches[begin:end]), tuple(durations[begin:end])
        fifths, mode = estimate_key(pitch, duration, tonics[piece] or None)
        tunes.append(Tune(pitch, duration, metre=metres[piece], pickup=pickups[piece], fifths=fifths, mode=mode))
    return tunes


def _integers(values: NDArray[np.integer]) -> list[int]:
    return values.tolist()
