"""Bars of a tune that are kept while its other bars are composed again."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from data_prep.errors import BadInputError
from data_prep.tunes.notation import Tune
from data_prep.wording import counted


@dataclass(frozen=True)
class KeptBars:
    """Bars to keep. Every note that sounds in one of them is kept as it is, also where it is tied over a bar line.

    Attributes:
        tune: The tune. Its metre, pickup and key are those of the new tune.
        bars: The bars as they are numbered in a score: from 1 for the first full bar, and 0 for a pickup.
    """

    tune: Tune
    bars: frozenset[int]

    def __post_init__(self) -> None:
        """Raise BadInputError if a bar does not exist, or the tune has no notes."""
        first, last = self.numbers
        if not self.tune.num_notes:
            raise BadInputError("a tune whose bars are kept has at least one note", "got none")
        for bar in sorted(self.bars):
            if not first <= bar <= last:
                raise BadInputError(f"the bars of the tune are numbered {first} to {last}", f"bar {bar} is not")

    @property
    def numbers(self) -> tuple[int, int]:
        """The numbers of the first and the last bar; a last bar that a pickup shortens counts as a bar."""
        length = sum(self.tune.duration, Fraction(0)) - self.tune.pickup
        return (0 if self.tune.pickup else 1), -(-length // self.tune.bar_length)

    def notes(self) -> Iterator[tuple[Fraction, int, Fraction]]:
        """Yield the kept notes: onset (quarter notes), MIDI pitch or REST, and duration (quarter notes)."""
        tune = self.tune
        for onset, pitch, duration in zip(tune.onsets(), tune.pitch, tune.duration, strict=True):
            first = (onset - tune.pickup) // tune.bar_length + 1
            last = -(-(onset + duration - tune.pickup) // tune.bar_length)
            if not self.bars.isdisjoint(range(first, last + 1)):
                yield onset, pitch, duration

    def check(self, bars: int, metre: tuple[int, int]) -> None:
        """Raise BadInputError if a tune of a number of bars in a metre cannot contain the kept bars."""
        if metre != self.tune.metre:
            own = "/".join(map(str, self.tune.metre))
            raise BadInputError(f"kept bars are in the metre of their tune, {own}", f"got {metre[0]}/{metre[1]}")
        if (last := self.numbers[1]) > bars:
            raise BadInputError(
                f"a tune with kept bars is at least as long as before ({counted(last, 'bar')})",
                f"got {counted(bars, 'bar')}",
            )
