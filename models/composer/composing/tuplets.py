"""Readable tuplets: groups that fill the metre's unit, or a half, a quarter, ... of it.

Places and lengths are integer ticks from the beginning of a bar. A place is plain if repeated halving of the metre's
unit (the quarter note of 4/4, the eighth note of 6/8) reaches it; other places are inside tuplets. A group begins at a
plain place and fills the unit, or the part of it, that begins there. It is divided into 3, 5 or 7 cells; a note takes
one or more cells, or half a cell. Of 3,900 tuplets that begin on a beat in real tunes, almost all are of this kind.
"""

from dataclasses import dataclass

_CELLS = (3, 5, 7)


@dataclass(frozen=True)
class Tuplets:
    """The tuplets of a metre.

    Attributes:
        unit: Ticks of the metre's unit.
    """

    unit: int

    @property
    def plain(self) -> int:
        """The step of plain places and lengths (ticks): its multiples, and only these, are plain."""
        return self.unit // (self.unit & -self.unit)

    def is_plain(self, place: int) -> bool:
        """Return whether repeated halving of units reaches a place."""
        return place % self.plain == 0

    def start(self, place: int) -> int:
        """Return the beginning of the unit that contains a place."""
        return place - place % self.unit

    def can_hold(self, start: int, begin: int, end: int) -> bool:
        """Return whether a note can be part of a group.

        Args:
            start: Beginning of the group, a plain place.
            begin: Beginning of the note.
            end: End of the note.

        Returns:
            Whether the note takes one or more cells, or half a cell, of a group.
        """
        halvings = 0
        while (end - start) << halvings <= self.unit:
            if (start << halvings) % self.unit == 0 and any(
                self._is_cells((begin - start) * cells << halvings, (end - start) * cells << halvings)
                for cells in _CELLS
            ):
                return True
            halvings += 1
        return False

    def _is_cells(self, begin: int, end: int) -> bool:
        """Return whether a note between two places, scaled so that a cell is a unit long, can be written."""
        (first, over), (last, beyond) = divmod(begin, self.unit), divmod(end, self.unit)
        if over == beyond == 0:
            count = last - first
            return count // (count & -count) in (1, 3)
        first_half = over == 0 and 2 * beyond == self.unit and last == first
        second_half = 2 * over == self.unit and beyond == 0 and last == first + 1
        return first_half or second_half
