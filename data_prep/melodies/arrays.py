"""Monophonic pieces as flat arrays: the prepared form that every melody trial reads, one copy in shared memory.

Symbols: P pieces, N notes of all pieces together, D distinct durations, S distinct bar positions, J copy experts,
K upper voices.
A note is a sounding note or a rest; the notes of piece p are rows ``start[p]:start[p + 1]``.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Melodies:
    """The pieces that a search may use (never those of the test set), with their folds.

    All arrays are read-only. Fractions are in quarter notes.

    Attributes:
        pitch: [N] int16, MIDI pitch 0..127 or REST, in the original key; the top note of a chord.
        duration: [N] int16, index into ``durations``.
        position: [N] int16, index into ``positions``: the note's position in the bar, (onset - pickup) mod bar length
            under the piece's first metre, so that it follows from metre, pickup and past durations.
        bar: [N] int32, bar in which the note starts, by the same rule: 0 for the first full bar, -1 for a pickup.
        votes: [N, J] votes of the copy experts before the note, see ``data_prep.melodies.votes``.
        upper: [N, K] what the higher voices of the score sound when the note begins, see
            ``data_prep.melodies.upper_voices``.
        spelling: [N] int16, index into ``spellings`` (music21's nameWithOctave, "rest" for a rest).
        in_chord: [N] bool, True where the note is the top of a chord.
        start: [P + 1] int64, offsets of the pieces.
        fold: [P] int8, the fold that holds the piece out, 0..num_folds-1; num_folds if no fold does and all train on
            it; -1 in the test set.
        tonic: [P] int8, pitch class 0..11 of the key signature's tonic (its mode taken into account; 0 without one).
        one_key: [P] bool, False where the piece has several key signatures.
        metre: [P] int16, index into ``metres``.
        pickup: [P] int16, index into ``positions``: the length of the opening partial bar, 0 if there is none.
        durations: The D durations, ascending.
        positions: The S bar positions and pickups, ascending.
        spellings: The spelled names, sorted.
        metres: (beats, beat unit) pairs such as (6, 8), sorted.
        ids: [P] names of the pieces in the corpus ("0201-0300.abc#214").
        num_folds: Number of folds.
        fingerprint: Fingerprint of the inputs (files, version of the reader, rules, seed of the folds).
        corpus: Name or folder of the corpus, as the user wrote it.
    """

    OF_PIECES: ClassVar = frozenset({"fold", "tonic", "one_key", "metre", "pickup"})
    """The arrays with a row for each piece."""

    pitch: NDArray[np.int16]
    duration: NDArray[np.int16]
    position: NDArray[np.int16]
    bar: NDArray[np.int32]
    votes: NDArray[np.void]
    upper: NDArray[np.void]
    spelling: NDArray[np.int16]
    in_chord: NDArray[np.bool_]
    start: NDArray[np.int64]
    fold: NDArray[np.int8]
    tonic: NDArray[np.int8]
    one_key: NDArray[np.bool_]
    metre: NDArray[np.int16]
    pickup: NDArray[np.int16]
    durations: tuple[Fraction, ...]
    positions: tuple[Fraction, ...]
    spellings: tuple[str, ...]
    metres: tuple[tuple[int, int], ...]
    ids: tuple[str, ...]
    num_folds: int
    fingerprint: str
    corpus: str

    @property
    def num_pieces(self) -> int:
        """Number of pieces P."""
        return len(self.ids)

    @property
    def num_notes(self) -> int:
        """Number of notes and rests N."""
        return len(self.pitch)

    @property
    def piece_of_note(self) -> NDArray[np.int64]:
        """[N] piece of each note."""
        return np.repeat(np.arange(self.num_pieces), np.diff(self.start))
