"""Statistics that every kind of prepared data has, with their rows and charts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from data_prep.corpora.provenance import Prepared
from data_prep.pitches import REST
from data_prep.wording import by_rule, counted, plural


@dataclass(frozen=True)
class FoldSize:
    """Size of the held-out part of a fold."""

    pieces: int
    notes: int


@dataclass(frozen=True)
class Chart:
    """Counts to be drawn as bars.

    Attributes:
        title: Title.
        unit: What is counted, in the singular.
        counts: The counts by name, in the order in which they are drawn.
        whole: Whether all counts are drawn, as in a histogram, and not only the first ones.
    """

    title: str
    unit: str
    counts: Mapping[str, int]
    whole: bool = False


@dataclass(frozen=True)
class Description(ABC):
    """Statistics of a prepared corpus; all but the first six are of the pieces that a search may use.

    Attributes:
        num_files: Files of the corpus.
        num_read: Pieces that were read.
        num_skipped: Files and tunes that could not be read.
        left_out: Pieces excluded by each rule, and as duplicates.
        num_test_pieces: Pieces in the test set.
        num_test_notes: Notes in the test set.
        num_pieces: Pieces.
        num_notes: Notes and rests.
        shortest: Notes of the shortest piece.
        median: Median of the pieces' notes.
        longest: Notes of the longest piece.
        lowest: Lowest MIDI pitch.
        highest: Highest MIDI pitch.
        folds: Size of each fold.
    """

    NOUN: ClassVar[str]
    """Name of a piece."""

    num_files: int
    num_read: int
    num_skipped: int
    left_out: Mapping[str, int]
    num_test_pieces: int
    num_test_notes: int
    num_pieces: int
    num_notes: int
    shortest: int
    median: float
    longest: int
    lowest: int
    highest: int
    folds: tuple[FoldSize, ...]

    @abstractmethod
    def rows(self) -> Sequence[tuple[str, str]]:
        """Return all statistics as labelled lines."""

    @abstractmethod
    def short_rows(self) -> Sequence[tuple[str, str]]:
        """Return the labelled lines that a search's plan shows in addition to pieces, notes and folds."""

    @abstractmethod
    def charts(self) -> Sequence[Chart]:
        """Return the statistics that are best shown as bars."""

    def reading_rows(self) -> list[tuple[str, str]]:
        """Return the labelled lines about the pieces that were read and left out."""
        files = f"{counted(self.num_files, 'file')}, {self.num_skipped} skipped"
        return [
            ("read", f"{counted(self.num_read, self.NOUN)} from {files}"),
            ("left out", by_rule(self.left_out) or "none"),
            (plural(self.NOUN), f"{self.num_pieces} to learn from, {self.num_test_pieces} sealed for the test"),
        ]

    def length_row(self) -> tuple[str, str]:
        """Return the labelled line about the lengths of the pieces."""
        lengths = f"{self.shortest} to {counted(self.longest, 'note')}, half of them {self.median:g} or more"
        return f"a {self.NOUN} has", lengths

    def folds_row(self) -> tuple[str, str]:
        """Return the labelled line about the folds."""
        sizes = (f"{counted(fold.pieces, self.NOUN)} / {counted(fold.notes, 'note')}" for fold in self.folds)
        return "folds", ", ".join(sizes)


def common_statistics(prepared: Prepared) -> dict[str, Any]:
    """Compute the attributes of ``Description`` by name."""
    data = prepared.data
    lengths, sounding = np.diff(data.start), data.pitch[data.pitch != REST]
    return {
        "num_files": prepared.num_files,
        "num_read": prepared.num_read,
        "num_skipped": len(prepared.skipped),
        "left_out": prepared.left_out,
        "num_test_pieces": prepared.num_test_pieces,
        "num_test_notes": prepared.num_test_notes,
        "num_pieces": data.num_pieces,
        "num_notes": data.num_notes,
        "shortest": int(lengths.min()),
        "median": float(np.median(lengths)),
        "longest": int(lengths.max()),
        "lowest": int(sounding.min()),
        "highest": int(sounding.max()),
        "folds": fold_sizes(data, np.arange(len(data.ids))),
    }


def fold_sizes(data: Any, pieces: NDArray[np.intp]) -> tuple[FoldSize, ...]:
    """Return how many of the given pieces each fold holds out, and how many notes they have."""
    lengths, fold = np.diff(data.start)[pieces], data.fold[pieces]
    return tuple(
        FoldSize(int(np.count_nonzero(fold == number)), int(lengths[fold == number].sum()))
        for number in range(data.num_folds)
    )
