"""Which notes of tuplets a player can read: groups that fill a beat, or a half, a quarter, ... of it.

Places and lengths are whole ticks from a bar's beginning. A place is plain if halving the metre's unit leads to it (the
quarter note of 4/4, the eighth note of 6/8); the others lie within tuplets. A group of notes begins at a plain place,
the beginning of the unit or part of it that it fills, and ends at the next. It is parted in 3, 5 or 7 cells; a note
is some of them, or half of one. Of 3,900 tuplets that begin on a beat in real tunes, all but a few are of this kind.
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
        """What every plain place and length is a multiple of, in ticks, and no other is."""
        return self.unit // (self.unit & -self.unit)

    def is_plain(self, place: int) -> bool:
        """Return whether halving units leads to a place."""
        return place % self.plain == 0

    def start(self, place: int) -> int:
        """Return where a unit begins that a place lies in."""
        return place - place % self.unit

    def can_hold(self, start: int, begin: int, end: int) -> bool:
        """Return whether a note can stand in a group.

        Args:
            start: Where the group begins, a plain place.
            begin: Where the note begins.
            end: Where it ends.

        Returns:
            Whether it is some cells, or half of one, in the unit or part of it that begins with the group.
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
        """Return whether places in ticks, by which cells are as long as units, make a note that can be written."""
        (first, over), (last, beyond) = divmod(begin, self.unit), divmod(end, self.unit)
        if over == beyond == 0:
            count = last - first
            return count // (count & -count) in (1, 3)
        return (over, 2 * beyond, last) == (0, self.unit, first) or (2 * over, beyond, last) == (
            self.unit,
            0,
            first + 1,
        )
