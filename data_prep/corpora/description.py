"""What every kind of prepared data says about itself: numbers, and their rows and charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from data_prep.wording import by_rule


@dataclass(frozen=True)
class FoldSize:
    """What one fold holds out."""

    pieces: int
    notes: int


@dataclass(frozen=True)
class Chart:
    """Counts to be drawn as bars.

    Attributes:
        title: What is counted by what.
        unit: What is counted, in the singular.
        counts: The counts by name, in the order in which they are drawn.
        whole: Whether all counts are drawn, as bins of a histogram, and not only the first ones.
    """

    title: str
    unit: str
    counts: Mapping[str, int]
    whole: bool = False


class Description(Protocol):
    """Numbers of a prepared corpus, a dataclass; of the sealed pieces only how many."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def num_pieces(self) -> int:
        """Pieces that a search may see."""
        ...

    @property
    def num_notes(self) -> int:
        """Their notes."""
        ...

    @property
    def num_test_pieces(self) -> int:
        """Pieces in the sealed test set."""
        ...

    @property
    def folds(self) -> tuple[FoldSize, ...]:
        """Each fold's size."""
        ...

    def rows(self) -> Sequence[tuple[str, str]]:
        """Return everything as labelled lines."""
        ...

    def short_rows(self) -> Sequence[tuple[str, str]]:
        """Return the labelled lines that a search's plan shows besides pieces, notes and folds."""
        ...

    def charts(self) -> Sequence[Chart]:
        """Return what is best shown as bars."""
        ...


def left_out_row(left_out: Mapping[str, int]) -> tuple[str, str]:
    """Return the labelled line of how many pieces each rule leaves out."""
    return "left out", by_rule(left_out) or "none"
