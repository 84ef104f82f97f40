"""Toy performances: note by note, or random with velocities that follow a rule."""

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
"""Maps a performance's pitches, in order of the notes, to velocities."""

STYLES = ("calm", "wild")


@dataclass(frozen=True)
class Toy:
    """A performance.

    Attributes:
        notes: The notes in any order.
        fold: The fold that holds the performance out.
        style: Index of the style.
        composition: Number of the composition; a negative number stands for a separate composition.
        tempo: The tempo (seconds per quarter note).
    """

    notes: Sequence[Played]
    fold: int = 0
    style: int = 0
    composition: int = -1
    tempo: float = 0.5


def performances_of(toys: Sequence[Toy], num_folds: int = 4, styles: tuple[str, ...] = STYLES) -> Performances:
    """Return a corpus of performances."""
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
    """Return velocities that increase with the pitch, with a little noise."""
    return pitch + random.integers(-2, 3, len(pitch))


def by_next_pitch(pitch: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Return velocities that depend on the next pitch, which only a backward layer can know."""
    del random
    return 10 + np.append(pitch[1:], 64)


def random_performances(
    num_compositions: int = 16, rule: Rule = by_pitch, *, size: tuple[int, int] = (8, 30), chords: float = 0.2
) -> Performances:
    """Return random performances of two styles in four folds, with equally many compositions of each style per fold.

    A composition's number modulo 4 is its fold; four compositions of the calm style and four of the wild style, which
    is 20 louder, alternate. Compositions with an odd number have two performances with other velocities and tempo.

    Args:
        num_compositions: A multiple of 8.
        rule: The rule of velocities in the calm style.
        size: Fewest and most notes.
        chords: The share of notes that begin together with the previous note.
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
