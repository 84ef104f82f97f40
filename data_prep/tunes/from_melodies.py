"""The pieces of a corpus as tunes, with keys as far as they are known.

Prepared pieces keep the tonic of their key signature and not its mode, which is estimated from the notes. A piece that
states no key has tonic 0 like one on C: its whole key is estimated (O'Neill's and Aird's pieces on C all come out on
C but for two).
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies.arrays import Melodies
from data_prep.tunes.keys import estimate_key
from data_prep.tunes.notation import Tune


def corpus_tunes(melodies: Melodies) -> list[Tune]:
    """Return every piece as a tune, untitled."""
    pitches, durations = (
        _integers(melodies.pitch),
        [melodies.durations[index] for index in _integers(melodies.duration)],
    )
    metres = [melodies.metres[index] for index in _integers(melodies.metre)]
    pickups = [melodies.positions[index] for index in _integers(melodies.pickup)]
    tonics = _integers(melodies.tonic)
    tunes: list[Tune] = []
    for piece, (begin, end) in enumerate(pairwise(_integers(melodies.start))):
        pitch, duration = tuple(pitches[begin:end]), tuple(durations[begin:end])
        fifths, mode = estimate_key(pitch, duration, tonics[piece] or None)
        tunes.append(
            Tune(
                pitch,
                duration,
                metre=metres[piece],
                pickup=pickups[piece],
                fifths=fifths,
                mode=mode,
            )
        )
    return tunes


def _integers(values: NDArray[np.integer]) -> list[int]:
    return values.tolist()
