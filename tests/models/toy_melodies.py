"""Toy melodies from (pitch, duration index) pairs."""

from fractions import Fraction
from typing import TypeAlias

import numpy as np

from data_prep.melodies.arrays import Melodies
from data_prep.melodies.upper_voices import no_voices
from data_prep.melodies.votes import find_votes
from data_prep.pitches import REST
from data_prep.randomness import stream

Piece: TypeAlias = list[tuple[int, int]]


def melodies_of(pieces: list[Piece], fold: list[int], num_folds: int = 4, num_durations: int = 2) -> Melodies:
    """Return melodies of (pitch, duration index) pairs; all other attributes are equal in all pieces."""
    pitch = np.array([pitch for piece in pieces for pitch, _ in piece], np.int16)
    duration = np.array([duration for piece in pieces for _, duration in piece], np.int16)
    start = np.cumsum([0, *map(len, pieces)])
    durations = tuple(Fraction(n + 1, 2) for n in range(num_durations))
    notes, held = np.zeros(len(pitch), np.int16), np.zeros(len(pieces), np.int16)
    return Melodies(
        pitch=pitch,
        duration=duration,
        position=notes,
        bar=notes.astype(np.int32),
        votes=find_votes(pitch, duration, start, durations, [Fraction(4)] * len(pieces)),
        upper=no_voices(len(pitch)),
        spelling=notes,
        in_chord=notes.astype(np.bool_),
        start=start,
        fold=np.array(fold, np.int8),
        tonic=held.astype(np.int8),
        one_key=np.ones(len(pieces), np.bool_),
        metre=held,
        pickup=held,
        durations=durations,
        positions=(Fraction(0),),
        spellings=("C4",),
        metres=((4, 4),),
        ids=tuple(f"piece {n}" for n in range(len(pieces))),
        num_folds=num_folds,
        fingerprint="none",
        corpus="toy",
    )


def random_pieces(num_pieces: int) -> list[Piece]:
    """Return pieces that consist of a random phrase, its repetition and a part of it."""
    rng = stream(0, "toy pieces")
    pieces: list[Piece] = []
    for _ in range(num_pieces):
        phrase = [(int(rng.choice([60, 62, 64, 67, REST])), int(rng.integers(2))) for _ in range(rng.integers(2, 9))]
        pieces.append([*phrase, *phrase, *phrase[: rng.integers(len(phrase))], (60, 1)])
    return pieces
