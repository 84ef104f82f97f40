"""Estimate the key of a tune from its notes: the signature and mode that fit best.

The score of a key depends on the share of the sounding time in its scale and in its tonic triad, on whether the last
note is its tonic, and on how common its mode is. On the 1018 plain tunes of O'Neill's in one of the four modes, the
signature is right in 94.9 %, the tonic in 91.8 %, both in 89.6 %; on Aird's 1191 tunes, which were not used to choose
the weights, in 95.0, 93.6 and 90.3 %. If the tonic is known, the mode is right in 96.8 % of O'Neill's tunes and 95.5 %
of Aird's.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from data_prep.pitches import REST
from data_prep.tunes.notation import MODES, Mode, signature

_TRIAD = 0.5
"""Weight of the share in the tonic triad, relative to the share in the scale."""

_FINAL = 0.05
"""Bonus for ending on the tonic."""

_RARITY: Mapping[Mode, float] = {"major": 0.0, "minor": 0.03, "dorian": 0.06, "mixolydian": 0.06}
"""Penalty of each mode: of O'Neill's plain tunes, 82 % are in major, 15 % in minor, 2 % in the other two."""

_KEYS: list[tuple[int, Mode]] = [(tonic, mode) for mode in MODES for tonic in range(12)]
_TONICS = np.array([tonic for tonic, _ in _KEYS])
_COSTS = np.array([_RARITY[mode] for _, mode in _KEYS])


def _masks(rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Return [48, 12] with 1 where the row of a key contains the pitch class, else 0."""
    table = np.zeros((len(rows), 12))
    for row, pitches in zip(table, rows, strict=True):
        row[np.array(pitches) % 12] = 1
    return table


_SCALES = _masks([[7 * (signature(tonic, mode) + step) for step in range(-1, 6)] for tonic, mode in _KEYS])
_TRIADS = _masks([[tonic, tonic + (4 if mode in {"major", "mixolydian"} else 3), tonic + 7] for tonic, mode in _KEYS])


def estimate_key(
    pitches: Sequence[int], durations: Sequence[Fraction | float], tonic: int | None = None
) -> tuple[int, Mode]:
    """Estimate the key of a tune.

    Args:
        pitches: [n] MIDI pitches, REST for a rest.
        durations: [n] durations in any unit.
        tonic: Pitch class 0..11 of the tonic, if known; only the mode is then estimated.

    Returns:
        The key signature (sharps, or flats if negative, -5..6) and the mode; C major if no note sounds.
    """
    notes = [(pitch % 12, float(duration)) for pitch, duration in zip(pitches, durations, strict=True) if pitch != REST]
    time = np.zeros(12)
    for pitch, duration in notes:
        time[pitch] += duration
    share = time / (time.sum() or 1.0)
    score = share @ (_SCALES + _TRIAD * _TRIADS).T - _COSTS
    if notes:
        score[notes[-1][0] == _TONICS] += _FINAL
    if tonic is not None:
        score[tonic != _TONICS] = -np.inf
    best, mode = _KEYS[int(np.argmax(score))]
    return signature(best, mode), mode
