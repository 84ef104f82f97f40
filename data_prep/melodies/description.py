"""Statistics of prepared melodies; of the sealed pieces only their number."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data_prep.corpora.description import Chart, FoldSize, left_out_row
from data_prep.corpora.provenance import Prepared
from data_prep.pitches import NUM_PITCHES, REST
from data_prep.wording import counted

if TYPE_CHECKING:
    from data_prep.melodies.arrays import Melodies

TONIC_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True)
class MelodyDescription:
    """Numbers of a prepared corpus; all but the first six are of the pieces that a search may see.

    Attributes:
        num_files: Files of the corpus.
        num_read: Pieces (voices) that were read.
        num_skipped: Files and tunes that could not be read.
        left_out: Pieces left out by each rule, and as duplicates.
        num_test_pieces: Pieces in the sealed test set.
        num_test_notes: Their notes.
        num_pieces: Pieces.
        num_notes: Notes and rests.
        num_rests: Rests.
        shortest: Notes of the shortest piece.
        median: Median of the pieces' notes.
        longest: Notes of the longest piece.
        num_groups: Groups of kin, each of which is in one fold.
        largest_group: Pieces of the largest group.
        num_tokens: Distinct (pitch, duration).
        num_tokens_with_position: Distinct (pitch, duration, position in the bar).
        lowest: Lowest MIDI pitch.
        highest: Highest MIDI pitch.
        durations: Notes of each duration in quarter notes, the commonest first.
        metres: Pieces in each metre ("6/8"), the commonest first.
        tonics: Pieces on each tonic, the commonest first; modes are not told apart.
        folds: Each fold's size.
    """

    num_files: int
    num_read: int
    num_skipped: int
    left_out: Mapping[str, int]
    num_test_pieces: int
    num_test_notes: int
    num_pieces: int
    num_notes: int
    num_rests: int
    shortest: int
    median: float
    longest: int
    num_groups: int
    largest_group: int
    num_tokens: int
    num_tokens_with_position: int
    lowest: int
    highest: int
    durations: Mapping[Fraction, int]
    metres: Mapping[str, int]
    tonics: Mapping[str, int]
    folds: tuple[FoldSize, ...]

    def rows(self) -> list[tuple[str, str]]:
        """Return everything as labelled lines."""
        return [
            (
                "read",
                f"{counted(self.num_read, 'piece')} from {counted(self.num_files, 'file')}, {self.num_skipped} skipped",
            ),
            left_out_row(self.left_out),
            ("pieces", f"{self.num_pieces} to learn from, {self.num_test_pieces} sealed for the test"),
            ("notes", f"{self.num_notes}, {self.num_rests} of them rests"),
            (
                "a piece has",
                f"{self.shortest} to {counted(self.longest, 'note')}, half of them {self.median:g} or more",
            ),
            *self.short_rows(),
            ("pitches", f"MIDI {self.lowest} to {self.highest}"),
            (
                "near-duplicates",
                f"{counted(self.num_groups, 'group')}, the largest of {counted(self.largest_group, 'piece')}",
            ),
            (
                "folds",
                ", ".join(f"{counted(fold.pieces, 'piece')} / {counted(fold.notes, 'note')}" for fold in self.folds),
            ),
        ]

    def short_rows(self) -> list[tuple[str, str]]:
        """Return the labelled lines that a search's plan shows besides pieces, notes and folds."""
        return [("tokens", f"{self.num_tokens}, {self.num_tokens_with_position} with the position in the bar")]

    def charts(self) -> list[Chart]:
        """Return durations, metres and tonics."""
        durations = {str(duration): count for duration, count in self.durations.items()}
        return [
            Chart("duration in quarter notes", "note", durations),
            Chart("metre", "piece", self.metres),
            Chart("tonic", "piece", self.tonics),
        ]


def describe(prepared: Prepared) -> MelodyDescription:
    """Count a prepared corpus.

    Args:
        prepared: The corpus.

    Returns:
        Its numbers.
    """
    data: Melodies = prepared.data
    lengths = np.diff(data.start)
    sounding = data.pitch[data.pitch != REST]
    tokens = (data.duration.astype(np.int64) * (NUM_PITCHES + 1)) + data.pitch
    groups = Counter(origin.group for origin in prepared.origins)
    notes_of_fold = np.bincount(data.fold[data.piece_of_note], minlength=data.num_folds)
    pieces_of_fold = np.bincount(data.fold, minlength=data.num_folds)
    return MelodyDescription(
        num_files=prepared.num_files,
        num_read=prepared.num_read,
        num_skipped=len(prepared.skipped),
        left_out=prepared.left_out,
        num_test_pieces=prepared.num_test_pieces,
        num_test_notes=prepared.num_test_notes,
        num_pieces=data.num_pieces,
        num_notes=data.num_notes,
        num_rests=data.num_notes - len(sounding),
        shortest=int(lengths.min()),
        median=float(np.median(lengths)),
        longest=int(lengths.max()),
        num_groups=len(groups),
        largest_group=max(groups.values()),
        num_tokens=len(np.unique(tokens)),
        num_tokens_with_position=len(np.unique(tokens * len(data.positions) + data.position)),
        lowest=int(sounding.min()),
        highest=int(sounding.max()),
        durations={data.durations[index]: count for index, count in _counts(data.duration)},
        metres={"/".join(map(str, data.metres[index])): count for index, count in _counts(data.metre)},
        tonics={TONIC_NAMES[tonic]: count for tonic, count in _counts(data.tonic)},
        folds=tuple(
            FoldSize(int(pieces), int(notes)) for pieces, notes in zip(pieces_of_fold, notes_of_fold, strict=True)
        ),
    )


def _counts(values: NDArray[np.integer]) -> list[tuple[int, int]]:
    """Return (value, number of occurrences), the most common first."""
    return Counter(int(value) for value in values).most_common()
