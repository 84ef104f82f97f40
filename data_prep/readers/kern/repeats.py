"""The order in which a kern score is played, from its list of sections or the repeat signs of its bar lines.

The list ("*>[A,A,B]") names sections, and each section begins at its label ("*>A"). Lists with a name, as
"*>norep[A,B]", are alternatives and are ignored. Without a list, ":|" closes and "|:" opens a repeat.

Source: Humdrum user guide, chapter 20 (strophes, verses and repeats), and the kern representation's bar lines.
"""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from data_prep.readers.repeats import MAX_STRETCHES, Course, Turn, playing_order

_SECTION = re.compile(r"\*>([^\[\]]+)")
_LIST = re.compile(r"\*>\[([^\[\]]*)\]")
_OPENS = re.compile(r"[|!]:")
_CLOSES = re.compile(r":[|!]")

Cuts: TypeAlias = Mapping[Hashable, Sequence[int]]
"""Number of notes before each turn, for each voice."""


class KernTurns:
    """The turns of a score while it is read, by their times (quarter notes)."""

    def __init__(self) -> None:
        """Start without turns."""
        self._turns: dict[Fraction, Turn] = {}
        self._lengths: dict[Fraction, Mapping[Hashable, int]] = {}
        self._sections: list[str] = []

    def take(self, columns: Sequence[str], onset: Fraction, lengths: Iterable[tuple[Hashable, int]]) -> None:
        """Process a line of interpretations or a bar line.

        Args:
            columns: Columns of the line.
            onset: Time of the line (quarter notes).
            lengths: (voice, number of its notes so far).

        Raises:
            ValueError: If there are more than MAX_STRETCHES sections.
        """
        prefix = "=" if columns[0].startswith("=") else "*>"
        column = next((column for column in columns if column.startswith(prefix)), "")
        if listed := _LIST.fullmatch(column):
            self._sections = self._sections or [name.strip() for name in listed[1].split(",")]
        section = _SECTION.fullmatch(column)
        opens, closes = _OPENS.search(column), _CLOSES.search(column)
        if section is None and (column[:1] != "=" or not (opens or closes)):
            return
        turn = self._at(onset, lengths)
        if section is not None:
            turn.label = section[1].strip()
            return
        turn.opens |= opens is not None
        if closes:
            turn.close()

    def course(self, end: Fraction, lengths: Iterable[tuple[Hashable, int]]) -> tuple[Course, Cuts]:
        """Compute the order in which the score is played.

        Args:
            end: End of the score (quarter notes).
            lengths: (voice, total number of its notes).

        Returns:
            The course, and the number of notes before each turn, for each voice.

        Raises:
            ValueError: If the expanded score is too long.
        """
        totals = dict(lengths)
        self._at(Fraction(0), ())
        self._at(end, ())
        self._lengths[end] = totals
        times = sorted(self._turns)
        cuts = {voice: [self._lengths[time].get(voice, 0) for time in times] for voice in totals}
        sizes = [sum(cut[at + 1] - cut[at] for cut in cuts.values()) for at in range(len(times) - 1)]
        order = playing_order([self._turns[time] for time in times], sizes, self._sections, repeats_in_parts=False)
        return Course(order, times), cuts

    def _at(self, onset: Fraction, lengths: Iterable[tuple[Hashable, int]]) -> Turn:
        """Return the turn at a time, created if missing."""
        if onset not in self._turns:
            if len(self._turns) == MAX_STRETCHES:
                raise ValueError(f"at most {MAX_STRETCHES} sections are read: it has more")
            self._turns[onset], self._lengths[onset] = Turn(), dict(lengths)
        return self._turns[onset]
