"""Small vocabularies."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from data_prep.encodings.vocabulary import MelodyVocabulary


def vocabulary_of(
    tokens: Sequence[tuple[int, ...]], durations: Sequence[Fraction], positions: Sequence[Fraction] = (Fraction(0),)
) -> MelodyVocabulary:
    """Return a vocabulary of (pitch, duration index) or (pitch, duration index, position index) tokens."""
    padded = np.array([(*token, 0)[:3] for token in tokens], np.int64)
    return MelodyVocabulary(
        token_pitch=padded[:, 0],
        token_duration=padded[:, 1],
        token_position=padded[:, 2],
        durations=tuple(durations),
        positions=tuple(positions),
        metres=((4, 4),),
        seen=np.ones((1, len(tokens)), np.bool_),
        seen_position=np.ones((1, len(positions)), np.bool_),
        bar_counts=np.zeros((1, 1, len(positions)), np.int64),
        tonic_counts=np.zeros((1, 12), np.int64),
    )
