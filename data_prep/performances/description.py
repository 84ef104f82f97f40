"""Statistics of prepared performances, style by style; of the sealed ones only their number."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.corpora.description import Chart, FoldSize, left_out_row
from data_prep.corpora.provenance import Prepared
from data_prep.grid import STEPS_PER_QUARTER
from data_prep.performances.arrays import Performances
from data_prep.performances.filters import NEAR, near_share
from data_prep.readers.beats import BEATS_PER_BAR
from data_prep.wording import counted

BIN = 8
"""Velocities in a bin of a histogram: 0 to 7 and so on up to 127; a velocity of 0 is no note."""


@dataclass(frozen=True)
class StyleNumbers:
    """Numbers of one style.

    Attributes:
        performances: Performances.
        compositions: Compositions.
        notes: Notes.
        bars: Bars from each performance's first note to its last.
        mean_velocity: Mean over the notes.
        distinct_velocities: Distinct velocities.
        near_share: Share of onsets within NEAR of a sixteenth from its line; chance would put 2 NEAR there.
        folds: What each fold holds out of it.
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
class PerformanceDescription:
    """Numbers of prepared performances; all but the first six are of those that a search may see.

    Attributes:
        num_files: Files of the corpus.
        num_read: Performances that were read.
        num_skipped: Files that could not be read.
        left_out: Performances left out by each rule, and as duplicates.
        num_test_pieces: Performances in the sealed test set.
        num_test_notes: Their notes.
        num_pieces: Performances.
        num_compositions: Compositions, each of which is in one fold.
        largest_composition: Performances of the most played one.
        num_notes: Notes.
        shortest: Notes of the shortest performance.
        median: Median of the performances' notes.
        longest: Notes of the longest performance.
        lowest: Lowest MIDI pitch.
        highest: Highest MIDI pitch.
        styles: Each style's numbers.
        folds: Each fold's size.
    """

    num_files: int
    num_read: int
    num_skipped: int
    left_out: Mapping[str, int]
    num_test_pieces: int
    num_test_notes: int
    num_pieces: int
    num_compositions: int
    largest_composition: int
    num_notes: int
    shortest: int
    median: float
    longest: int
    lowest: int
    highest: int
    styles: Mapping[str, StyleNumbers]
    folds: tuple[FoldSize, ...]

    def rows(self) -> list[tuple[str, str]]:
        """Return everything as labelled lines."""
        files = counted(self.num_files, "file")
        return [
            ("read", f"{counted(self.num_read, 'performance')} from {files}, {self.num_skipped} skipped"),
            left_out_row(self.left_out),
            ("performances", f"{self.num_pieces} to learn from, {self.num_test_pieces} sealed for the test"),
            (
                "compositions",
                f"{self.num_compositions}, the most played one {counted(self.largest_composition, 'time')}",
            ),
            ("notes", f"{self.num_notes}, MIDI {self.lowest} to {self.highest}"),
            (
                "a performance has",
                f"{self.shortest} to {counted(self.longest, 'note')}, half of them {self.median:g} or more",
            ),
            *((f"style {name}", _in_words(numbers)) for name, numbers in self.styles.items()),
            (
                "folds",
                ", ".join(
                    f"{counted(fold.pieces, 'performance')} / {counted(fold.notes, 'note')}" for fold in self.folds
                ),
            ),
            *((f"  of {name}", _fold_sizes(numbers)) for name, numbers in self.styles.items() if len(self.styles) > 1),
        ]

    def short_rows(self) -> list[tuple[str, str]]:
        """Return the labelled lines that a search's plan shows besides performances, notes and folds."""
        said = (f"{name} {numbers.performances} ({numbers.compositions})" for name, numbers in self.styles.items())
        return [("styles", f"performances (compositions): {', '.join(said)}")]

    def charts(self) -> list[Chart]:
        """Return each style's histogram of velocities."""
        return [
            Chart(f"velocities, {name}", "note", numbers.histogram, whole=True) for name, numbers in self.styles.items()
        ]


def describe(prepared: Prepared) -> PerformanceDescription:
    """Count prepared performances.

    Args:
        prepared: The corpus.

    Returns:
        Its numbers.
    """
    data: Performances = prepared.data
    lengths = np.diff(data.start)
    everything = np.arange(data.num_pieces)
    return PerformanceDescription(
        num_files=prepared.num_files,
        num_read=prepared.num_read,
        num_skipped=len(prepared.skipped),
        left_out=prepared.left_out,
        num_test_pieces=prepared.num_test_pieces,
        num_test_notes=prepared.num_test_notes,
        num_pieces=data.num_pieces,
        num_compositions=len(np.unique(data.composition)),
        largest_composition=int(np.unique(data.composition, return_counts=True)[1].max()),
        num_notes=data.num_notes,
        shortest=int(lengths.min()),
        median=float(np.median(lengths)),
        longest=int(lengths.max()),
        lowest=int(data.pitch.min()),
        highest=int(data.pitch.max()),
        styles={
            name: _style_numbers(data, np.flatnonzero(data.style == index)) for index, name in enumerate(data.styles)
        },
        folds=_folds(data, everything),
    )


def _style_numbers(data: Performances, pieces: NDArray[np.intp]) -> StyleNumbers:
    """Count some of the performances."""
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
        folds=_folds(data, pieces),
        histogram={f"{low * BIN}-{low * BIN + BIN - 1}": count for low, count in enumerate(counts)},
    )


def _folds(data: Performances, pieces: NDArray[np.intp]) -> tuple[FoldSize, ...]:
    lengths, fold = np.diff(data.start)[pieces], data.fold[pieces]
    return tuple(
        FoldSize(int(np.count_nonzero(fold == number)), int(lengths[fold == number].sum()))
        for number in range(data.num_folds)
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
