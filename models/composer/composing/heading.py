"""What is chosen for a tune before its first note: metre, pickup and key, asked for or drawn like training pieces.

Symbols: S bar positions, G folds. Shares are means over the folds.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import MelodyVocabulary, shift_to_c
from data_prep.tunes.notation import DIVISIONS
from models.composer.composing.sampling import drawn
from models.composer.spec import ComposerSpec
from models.uses.request import Key, SamplingRequest

_COMMON_TIME = (4, 4)


@dataclass(frozen=True)
class Heading:
    """What comes before the notes.

    Attributes:
        metre: Beats and beat unit.
        pickup: Length of the opening partial bar in quarter notes, 0 for none.
        shift: Semitones from the tune's key to the model's frame.
        key: The key; None where it shows in the notes alone.
        tonic: The tonic's pitch class; None likewise.
    """

    metre: tuple[int, int]
    pickup: Fraction
    shift: int
    key: Key | None
    tonic: int | None

    @property
    def bar_length(self) -> Fraction:
        """Length of a full bar in quarter notes."""
        return bar_length(self.metre)


def draw_heading(
    request: SamplingRequest, spec: ComposerSpec, vocabulary: MelodyVocabulary, random: np.random.Generator
) -> Heading:
    """Choose what a request leaves open.

    A model that reads every piece in C gets a tonic; for any other the key follows from its notes.

    Args:
        request: What is asked.
        spec: The model's settings.
        vocabulary: What its training pieces have.
        random: Where numbers are drawn from.

    Returns:
        The heading.
    """
    metre, pickup = _draw_bar(request, vocabulary, random)
    key = request.asked_key
    tonic = None if key is None else key.tonic
    if tonic is None and spec.transpose:
        tonic = _draw(_shares(vocabulary.tonic_counts), random)
    shift = 0
    if spec.transpose and tonic is not None:
        shift = int(shift_to_c(np.array(tonic), spec.reading))
    return Heading(metre, pickup, shift, key, tonic)


def knows_metre(vocabulary: MelodyVocabulary, metre: tuple[int, int]) -> bool:
    """Return whether any training piece has a metre."""
    return bool(vocabulary.bar_counts[:, _rows(vocabulary, metre)].any())


def bar_length(metre: tuple[int, int]) -> Fraction:
    """Return the length of a full bar in quarter notes."""
    return Fraction(4 * metre[0], metre[1])


def _draw_bar(
    request: SamplingRequest, vocabulary: MelodyVocabulary, random: np.random.Generator
) -> tuple[tuple[int, int], Fraction]:
    asked = request.asked_metre
    if request.prompt is not None:
        assert asked is not None
        length = bar_length(asked)
        given = request.prompt.pickup % length
        return asked, given if _can_be_written(given) else Fraction(int(given * DIVISIONS), DIVISIONS)
    shares = _shares(vocabulary.bar_counts)
    shares[:, [not _can_be_written(at) for at in vocabulary.positions]] = 0.0
    lengths = np.array([float(bar_length(metre)) for metre in vocabulary.metres])
    shares[lengths[:, None] <= np.array([float(at) for at in vocabulary.positions])] = 0.0  # a pickup is no full bar
    if asked is not None:
        shares = np.where(_rows(vocabulary, asked)[:, None], shares, 0.0)
    if not shares.any():
        return asked or _COMMON_TIME, Fraction(0)
    metre, pickup = divmod(_draw(shares, random), len(vocabulary.positions))
    return vocabulary.metres[metre], vocabulary.positions[pickup]


def _can_be_written(pickup: Fraction) -> bool:
    return DIVISIONS % pickup.denominator == 0


def _rows(vocabulary: MelodyVocabulary, metre: tuple[int, int]) -> NDArray[np.bool_]:
    """[metres] which of the vocabulary's metres is this one."""
    return np.array([one == metre for one in vocabulary.metres], np.bool_)


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """[...] each fold's counts [G, ...] as shares of 1, the folds' mean."""
    total = counts.reshape(len(counts), -1).sum(axis=1)
    shares: NDArray[np.float64] = (counts.T / np.maximum(total, 1)).T
    return shares.mean(axis=0)


def _draw(shares: NDArray[np.float64], random: np.random.Generator) -> int:
    return int(drawn(shares.reshape(1, -1), np.array([random.random()]))[0])
