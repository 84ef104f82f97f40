"""Metre, pickup and key of a tune, as requested or drawn with their frequencies in the training pieces.

Symbols: G folds. Frequencies are means over the folds.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import MelodyVocabulary, shift_to_c
from data_prep.tunes.notation import DIVISIONS
from models.composer.composing.sampling import drawn
from models.composer.spec import ComposerSpec
from models.uses.request import RequestedKey, SamplingRequest


@dataclass(frozen=True)
class TuneHeading:
    """The heading of a tune.

    Attributes:
        metre: Beats and beat unit.
        pickup: Length of the opening partial bar (quarter notes), 0 for none.
        shift: Semitones from the tune's key to the model's frame.
        key: The key; None if it is to be estimated from the notes.
        tonic: The tonic's pitch class; None if it is to be estimated from the notes.
    """

    metre: tuple[int, int]
    pickup: Fraction
    shift: int
    key: RequestedKey | None
    tonic: int | None


def draw_heading(
    request: SamplingRequest, spec: ComposerSpec, vocabulary: MelodyVocabulary, random: np.random.Generator
) -> TuneHeading:
    """Choose a heading for a request.

    A tonic is drawn only for models that read every piece in C; for others the key is estimated from the notes later.

    Args:
        request: The request.
        spec: The model's settings.
        vocabulary: The model's vocabulary, with counts of the training pieces.
        random: The tune's random stream.

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
    return TuneHeading(metre, pickup, shift, key, tonic)


def knows_metre(vocabulary: MelodyVocabulary, metre: tuple[int, int]) -> bool:
    """Return whether any training piece has a metre."""
    return bool(vocabulary.bar_counts[:, _rows(vocabulary, metre)].any())


def bar_length(metre: tuple[int, int]) -> Fraction:
    """Return the length of a full bar (quarter notes)."""
    return Fraction(4 * metre[0], metre[1])


def _draw_bar(
    request: SamplingRequest, vocabulary: MelodyVocabulary, random: np.random.Generator
) -> tuple[tuple[int, int], Fraction]:
    asked = request.asked_metre
    if request.given is not None:
        assert asked is not None
        pickup = request.given.pickup % bar_length(asked)
        return asked, Fraction(int(pickup * DIVISIONS), DIVISIONS)
    shares = _shares(vocabulary.bar_counts)
    shares[:, [DIVISIONS % position.denominator != 0 for position in vocabulary.positions]] = 0.0
    lengths = np.array([float(bar_length(metre)) for metre in vocabulary.metres])
    pickups = np.array([float(position) for position in vocabulary.positions])
    shares[lengths[:, None] <= pickups] = 0.0  # a pickup is shorter than a bar
    if asked is not None:
        shares = np.where(_rows(vocabulary, asked)[:, None], shares, 0.0)
    if not shares.any():
        return asked or (4, 4), Fraction(0)
    metre, pickup = divmod(_draw(shares, random), len(vocabulary.positions))
    return vocabulary.metres[metre], vocabulary.positions[pickup]


def _rows(vocabulary: MelodyVocabulary, metre: tuple[int, int]) -> NDArray[np.bool_]:
    """Return [metres] whether each of the vocabulary's metres equals a metre."""
    return np.array([known == metre for known in vocabulary.metres], np.bool_)


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return [...] relative frequencies, the mean over folds, from counts [G, ...]."""
    total = counts.reshape(len(counts), -1).sum(axis=1)
    shares: NDArray[np.float64] = (counts.T / np.maximum(total, 1)).T
    return shares.mean(axis=0)


def _draw(shares: NDArray[np.float64], random: np.random.Generator) -> int:
    return int(drawn(shares.reshape(1, -1), np.array([random.random()]))[0])
