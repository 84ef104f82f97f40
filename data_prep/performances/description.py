"""Statistics of prepared performances and of each style; of the test set only its size."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.corpora.description import Chart, Description, FoldSize, common_statistics, fold_sizes
from data_prep.corpora.provenance import Prepared
from data_prep.grid import STEPS_PER_QUARTER
from data_prep.performances.arrays import Performances
from data_prep.performances.filters import NEAR, near_share
from data_prep.readers.beats import BEATS_PER_BAR
from data_prep.wording import counted

BIN = 8
"""Width of a histogram bin in velocities: 0 to 7 and so on up to 127; no note has velocity 0."""


@dataclass(frozen=True)
class StyleNumbers:
    """Statistics of one style.

    Attributes:
        performances: Performances.
        compositions: Compositions.
        notes: Notes.
        bars: Bars from each performance's first note to its last.
        mean_velocity: Mean over the notes.
        distinct_velocities: Distinct velocities.
        near_share: Share of onsets less than NEAR sixteenths from a line of the grid; 2 * NEAR are expected by chance.
        folds: Size of the part of the style that each fold holds out.
        histogram: Notes in bins of BIN velocities ("0-7", "8-15").
    """

    performances: int
    compositions: int
    notes: int
    bars: int
    mean_velocity: float
    distinct_velocities: int
    near_share: float
    folds: tuple[FoldSize, ...]
    histogram: Mapping[str, int]


@dataclass(frozen=True)
class PerformanceDescription(Description):
    """Statistics of a corpus of performances.

    Attributes:
        num_compositions: Compositions, each of which is in one fold.
        largest_composition: Performances of the most played composition.
        styles: Statistics of each style.
    """

    NOUN = "performance"

    num_compositions: int
    largest_composition: int
    styles: Mapping[str, StyleNumbers]

    def rows(self) -> list[tuple[str, str]]:
        """Return all statistics as labelled lines."""
        most_played = f"the most played one {counted(self.largest_composition, 'time')}"
        return [
            *self.reading_rows(),
            ("compositions", f"{self.num_compositions}, {most_played}"),
            ("notes", f"{self.num_notes}, MIDI {self.lowest} to {self.highest}"),
            self.length_row(),
            *((f"style {name}", _in_words(numbers)) for name, numbers in self.styles.items()),
            self.folds_row(),
            *((f"  of {name}", _fold_sizes(numbers)) for name, numbers in self.styles.items() if len(self.styles) > 1),
        ]

    def short_rows(self) -> list[tuple[str, str]]:
        """Return the labelled lines that a search's plan shows in addition to performances, notes and folds."""
        styles = (f"{name} {numbers.performances} ({numbers.compositions})" for name, numbers in self.styles.items())
        return [("styles", f"performances (compositions): {', '.join(styles)}")]

    def charts(self) -> list[Chart]:
        """Return the histogram of velocities for each style."""
        return [
            Chart(f"velocities, {name}", "note", numbers.histogram, whole=True) for name, numbers in self.styles.items()
        ]


def describe(prepared: Prepared) -> PerformanceDescription:
    """Compute the statistics of a prepared corpus.

    Args:
        prepared: The corpus.

    Returns:
        The statistics.
    """
    data: Performances = prepared.data
    return PerformanceDescription(
        **common_statistics(prepared),
        num_compositions=len(np.unique(data.composition)),
        largest_composition=int(np.unique(data.composition, return_counts=True)[1].max()),
        styles={
            name: _style_numbers(data, np.flatnonzero(data.style == index)) for index, name in enumerate(data.styles)
        },
    )


def _style_numbers(data: Performances, pieces: NDArray[np.intp]) -> StyleNumbers:
    """Compute the statistics of the performances of a style."""
    rows = np.isin(data.piece_of_note, pieces)
    velocity = data.velocity[rows]
    begin, end = data.start[:-1][pieces], data.start[1:][pieces] - 1
    bars = data.onset[end] // BEATS_PER_BAR - data.onset[begin] // BEATS_PER_BAR + 1
    counts = np.bincount(velocity // BIN, minlength=128 // BIN).tolist()
    return StyleNumbers(
        performances=len(pieces),
        compositions=len(np.unique(data.composition[pieces])),
        notes=len(velocity),
        bars=int(bars.sum()),
        mean_velocity=float(velocity.mean()),
        distinct_velocities=len(np.unique(velocity)),
        near_share=near_share(data.onset[rows], STEPS_PER_QUARTER),
        folds=fold_sizes(data, pieces),
        histogram={f"{low * BIN}-{low * BIN + BIN - 1}": count for low, count in enumerate(counts)},
    )


def _in_words(numbers: StyleNumbers) -> str:
    return (
        f"{counted(numbers.performances, 'performance')} of {counted(numbers.compositions, 'composition')}, "
        f"{counted(numbers.notes, 'note')} in {counted(numbers.bars, 'bar')}; "
        f"velocity {numbers.mean_velocity:.1f} on average, {numbers.distinct_velocities} distinct; "
        f"onsets near a 1/16 {numbers.near_share:.0%} (chance: {2 * NEAR:.0%})"
    )


def _fold_sizes(numbers: StyleNumbers) -> str:
    return ", ".join(f"{fold.pieces} / {fold.notes}" for fold in numbers.folds)
