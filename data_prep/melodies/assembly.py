"""Assemble pieces into Melodies: flat arrays, with bar positions derived from metre, pickup and past durations."""

from collections.abc import Iterable, Sequence, Sized
from fractions import Fraction
from math import lcm
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import BadInputError
from data_prep.melodies.arrays import Melodies
from data_prep.melodies.upper_voices import find_upper
from data_prep.melodies.votes import find_votes
from data_prep.readers.notes import Metre, Piece

Scalar = TypeVar("Scalar", bound=np.generic)

_LARGEST = int(np.iinfo(np.int16).max)
"""Greatest index into an alphabet."""

COMMON_TIME = Metre(Fraction(0), 4, 4)
"""Metre of a piece without one, as in the MIDI standard."""


def metre_of(piece: Piece) -> Metre:
    """Return the first metre of a piece, which is used for the entire piece."""
    return piece.heading.metres[0] if piece.heading.metres else COMMON_TIME


def positions(piece: Piece) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the bar and the position in the bar of each note of a piece.

    The position is (onset - pickup) mod bar length under the first metre. Written bars are not used: O'Neill's inner
    bars are short at repeats, where music21's beat restarts at 1. Of the single bar lines of its plain tunes, 94 %
    coincide with a bar line by this rule; the others follow a bar that was transcribed too short or too long.

    Args:
        piece: The piece.

    Returns:
        [n] bars, 0 for the first full bar; [n] ticks from the beginning of the bar; ticks per quarter note.
    """
    bar_length, pickup = metre_of(piece).bar_length, piece.heading.pickup
    resolution = lcm(piece.resolution, bar_length.denominator, pickup.denominator)
    onset = piece.onset * (resolution // piece.resolution)
    bar, place = np.divmod(onset - int(pickup * resolution), int(bar_length * resolution))
    return bar, place, resolution


def assemble(
    pieces: Sequence[Piece],
    ids: Sequence[str],
    folds: Sequence[int],
    *,
    num_folds: int,
    fingerprint: str,
    corpus: str,
    higher: Sequence[Sequence[Piece | None]] | None = None,
) -> Melodies:
    """Build the flat arrays of all pieces and their common alphabets (durations, positions, spellings, metres).

    Grace notes have no duration and are left out.

    Args:
        pieces: P pieces.
        ids: [P] names of the pieces.
        folds: [P] folds of the pieces.
        num_folds: Number of folds.
        fingerprint: Fingerprint of all inputs.
        corpus: Name or folder of the corpus, as the user wrote it.
        higher: [P] the higher voices of each piece's score, from the top, as in ``find_upper``; None for single voices.

    Returns:
        The melodies.

    Raises:
        BadInputError: If an alphabet has more members than can be numbered.
    """
    timed = [piece.duration > 0 for piece in pieces]
    placed = [positions(piece) for piece in pieces]
    durations = _Alphabet((piece.duration[keep], piece.resolution) for piece, keep in zip(pieces, timed, strict=True))
    places = _Alphabet(
        [
            *((place[keep], resolution) for (_, place, resolution), keep in zip(placed, timed, strict=True)),
            *((np.array([piece.heading.pickup.numerator]), piece.heading.pickup.denominator) for piece in pieces),
        ]
    )
    names = [name for piece, keep in zip(pieces, timed, strict=True) for name in np.array(piece.spelling)[keep]]
    spellings, spelling = np.unique(np.array(names, np.str_), return_inverse=True)
    metres = sorted({metre_of(piece)[1:] for piece in pieces})
    check_sizes(durations=durations.values, positions=places.values, spellings=spellings, metres=metres)
    lengths = [int(np.count_nonzero(keep)) for keep in timed]
    keys = [piece.heading.keys for piece in pieces]
    pitch = _joined([piece.pitch[keep] for piece, keep in zip(pieces, timed, strict=True)], np.int16)
    duration = _joined(durations.indices, np.int16)
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    bar_length = [metre_of(piece).bar_length if piece.heading.metres else None for piece in pieces]
    return _frozen(
        Melodies(
            pitch=pitch,
            duration=duration,
            position=_joined(places.indices[: len(pieces)], np.int16),
            bar=_joined([bar[keep] for (bar, _, _), keep in zip(placed, timed, strict=True)], np.int32),
            votes=find_votes(pitch, duration, start, durations.values, bar_length),
            upper=find_upper(pieces, higher or [()] * len(pieces)),
            spelling=spelling.astype(np.int16),
            in_chord=_joined([piece.chord_size[keep] > 1 for piece, keep in zip(pieces, timed, strict=True)], np.bool_),
            start=start,
            fold=np.array(folds, np.int8),
            tonic=np.array([of_piece[0].tonic if of_piece else 0 for of_piece in keys], np.int8),
            one_key=np.array([len({key[1:] for key in of_piece}) <= 1 for of_piece in keys], np.bool_),
            metre=np.array([metres.index(metre_of(piece)[1:]) for piece in pieces], np.int16),
            pickup=_joined(places.indices[len(pieces) :], np.int16),
            durations=durations.values,
            positions=places.values,
            spellings=tuple(spellings.tolist()),
            metres=tuple(metres),
            ids=tuple(ids),
            num_folds=num_folds,
            fingerprint=fingerprint,
            corpus=corpus,
        )
    )


def check_sizes(**alphabets: Sized) -> None:
    """Raise BadInputError if an alphabet has more members than can be numbered."""
    for name, members in alphabets.items():
        if len(members) - 1 > _LARGEST:
            raise BadInputError(
                f"a corpus has at most {_LARGEST + 1} distinct {name}",
                f"this one has {len(members)}",
                remedy="leave out the files that are not notated music",
            )


class _Alphabet:
    """The distinct times of several columns of ticks, ascending, and each column as indices into them."""

    def __init__(self, columns: Iterable[tuple[NDArray[np.int64], int]]) -> None:
        uniques = [(*np.unique(ticks, return_inverse=True), resolution) for ticks, resolution in columns]
        exact = [[Fraction(int(tick), resolution) for tick in ticks] for ticks, _, resolution in uniques]
        self.values = tuple(sorted({value for column in exact for value in column}))
        index = {value: number for number, value in enumerate(self.values)}
        self.indices = [
            np.array([index[value] for value in column], np.int64)[inverse]
            for column, (_, inverse, _) in zip(exact, uniques, strict=True)
        ]


def _joined(columns: Sequence[NDArray[Any]], dtype: type[Scalar]) -> NDArray[Scalar]:
    return np.concatenate([np.array([], dtype), *columns]).astype(dtype)


def _frozen(melodies: Melodies) -> Melodies:
    for value in vars(melodies).values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return melodies
