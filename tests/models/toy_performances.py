"""Toy performances: by hand, note by note, or drawn with velocities that follow a rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_prep.performances.arrays import Performances
from data_prep.randomness import stream

Played: TypeAlias = tuple[float, float, int, int]
"""Onset and duration in quarter notes, pitch, velocity."""

Rule: TypeAlias = Callable[[NDArray[np.int64], np.random.Generator], NDArray[np.int64]]
"""From a performance's pitches, one note after another, to their velocities."""

STYLES = ("calm", "wild")


@dataclass(frozen=True)
class Toy:
    """A performance by hand.

    Attributes:
        notes: In any order.
        fold: The fold that holds it out.
        style: Index into the styles.
        composition: Its composition's number; a negative one is a composition of its own.
        tempo: Seconds a quarter note.
    """

    notes: Sequence[Played]
    fold: int = 0
    style: int = 0
    composition: int = -1
    tempo: float = 0.5


def performances_of(toys: Sequence[Toy], num_folds: int = 4, styles: tuple[str, ...] = STYLES) -> Performances:
    """Put performances together."""
    rows = [sorted(toy.notes, key=lambda note: (note[0], note[2])) for toy in toys]
    onset, duration, pitch, velocity = np.array([note for part in rows for note in part], np.float64).T
    size = [len(part) for part in rows]
    own = 1 + max(toy.composition for toy in toys)
    compositions = [own + n if toy.composition < 0 else toy.composition for n, toy in enumerate(toys)]
    return Performances(
        pitch=pitch.astype(np.int16),
        velocity=velocity.astype(np.int16),
        onset=onset,
        duration=duration,
        seconds=onset * np.repeat([toy.tempo for toy in toys], size),
        start=np.cumsum([0, *size]),
        fold=np.array([toy.fold for toy in toys], np.int8),
        style=np.array([toy.style for toy in toys], np.int16),
        composition=np.array(compositions, np.int32),
        styles=styles,
        ids=tuple(f"performance {number}" for number in range(len(toys))),
        num_folds=num_folds,
        fingerprint="none",
        corpus="toy",
    )


def by_pitch(pitch: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Play the higher the louder, a little unevenly."""
    return pitch + random.integers(-2, 3, len(pitch))


def by_next_pitch(pitch: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Play loud where the next note is high, so that only a look ahead tells."""
    del random
    return 10 + np.append(pitch[1:], 64)


def random_performances(
    num_compositions: int = 16, rule: Rule = by_pitch, *, size: tuple[int, int] = (8, 30), chords: float = 0.2
) -> Performances:
    """Draw performances of two styles in four folds, each of which holds out as many compositions of both.

    A composition's number modulo 4 is its fold; every other four are of the wild style, played 20 louder. Compositions
    with an odd number have two performances, which differ in velocities and tempo.

    Args:
        num_compositions: A multiple of 8.
        rule: What velocities are but for the style.
        size: Least and most notes.
        chords: The share of notes that begin with the one before.
    """
    toys: list[Toy] = []
    for composition in range(num_compositions):
        random = stream(0, "toy performances", trial=composition)
        num_notes = int(random.integers(*size, endpoint=True))
        step = random.integers(1, 5, num_notes) * (random.random(num_notes) >= chords)
        onset = (random.integers(0, 16) + np.cumsum(step)) / 4
        pitch = random.integers(40, 90, num_notes)
        pitch = pitch[np.lexsort((pitch, onset))]
        duration = random.integers(1, 9, num_notes) / 8
        style = composition // 4 % 2
        for _ in range(1 + composition % 2):
            velocity = rule(pitch, random) + 20 * style
            notes = list(zip(onset.tolist(), duration.tolist(), pitch.tolist(), velocity.tolist(), strict=True))
            toys.append(Toy(notes, composition % 4, style, composition, float(random.uniform(0.3, 0.8))))
    return performances_of(toys)
