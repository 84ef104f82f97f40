"""Statistics of prepared melodies; of the test set only its size."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data_prep.corpora.description import Chart, Description, common_statistics
from data_prep.corpora.provenance import Prepared
from data_prep.pitches import NUM_PITCHES, REST
from data_prep.wording import counted

if TYPE_CHECKING:
    from data_prep.melodies.arrays import Melodies

TONIC_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True)
class MelodyDescription(Description):
    """Statistics of a corpus of melodies.

    Attributes:
        num_rests: Rests.
        num_groups: Groups of related pieces, each of which is in one fold.
        largest_group: Pieces of the largest group.
        num_tokens: Distinct (pitch, duration).
        num_tokens_with_position: Distinct (pitch, duration, position in the bar).
        durations: Notes of each duration in quarter notes, the most common first.
        metres: Pieces in each metre ("6/8"), the most common first.
        tonics: Pieces on each tonic, in any mode, the most common first.
    """

    NOUN = "piece"

    num_rests: int
    num_groups: int
    largest_group: int
    num_tokens: int
    num_tokens_with_position: int
    durations: Mapping[Fraction, int]
    metres: Mapping[str, int]
    tonics: Mapping[str, int]

    def rows(self) -> list[tuple[str, str]]:
        """Return all statistics as labelled lines."""
        groups = f"{counted(self.num_groups, 'group')}, the largest of {counted(self.largest_group, 'piece')}"
        return [
            *self.reading_rows(),
            ("notes", f"{self.num_notes}, {self.num_rests} of them rests"),
            self.length_row(),
            *self.short_rows(),
            ("pitches", f"MIDI {self.lowest} to {self.highest}"),
            ("near-duplicates", groups),
            self.folds_row(),
        ]

    def short_rows(self) -> list[tuple[str, str]]:
        """Return the labelled lines that a search's plan shows in addition to pieces, notes and folds."""
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
    """Compute the statistics of a prepared corpus.

    Args:
        prepared: The corpus.

    Returns:
        The statistics.
    """
    data: Melodies = prepared.data
    tokens = (data.duration.astype(np.int64) * (NUM_PITCHES + 1)) + data.pitch
    groups = Counter(origin.group for origin in prepared.origins)
    return MelodyDescription(
        **common_statistics(prepared),
        num_rests=int(np.count_nonzero(data.pitch == REST)),
        num_groups=len(groups),
        largest_group=max(groups.values()),
        num_tokens=len(np.unique(tokens)),
        num_tokens_with_position=len(np.unique(tokens * len(data.positions) + data.position)),
        durations={data.durations[index]: count for index, count in _counts(data.duration)},
        metres={"/".join(map(str, data.metres[index])): count for index, count in _counts(data.metre)},
        tonics={TONIC_NAMES[tonic]: count for tonic, count in _counts(data.tonic)},
    )


def _counts(values: NDArray[np.integer]) -> list[tuple[int, int]]:
    """Return (value, number of occurrences), the most common first."""
    return Counter(int(value) for value in values).most_common()
