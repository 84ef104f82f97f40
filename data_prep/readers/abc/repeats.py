"""The order in which an ABC tune is played, from its bar lines, endings and parts (P:).

The colons of a bar line define repeats: "|:" opens a repeat, ":|" closes one, "::" does both, and "::|" ends a section
that is played three times. A double or thick bar line divides sections and ends an ending. Texts and decorations such
as "D.C." or !segno! are ignored: collections use the same sign for both ends of a jump, and most mark no "fine".

Source: The abc music standard 2.1, sections 3.1.9 (P:), 4.8 (repeats), 4.9 (endings), 4.10 (variant endings).
"""

import re

from data_prep.readers.abc.fields import number
from data_prep.readers.repeats import MAX_TIMES, Turn

MAX_PARTS = 1000
"""Maximum number of parts in a header, including repeated ones."""

_OF_NUMBERS = "0123456789,.-"

_NUMBERS = re.compile(r"(\d+)(?:-(\d+))?")
_PARTS = re.compile(r"[A-Za-z0-9().\s]+")
_PART = re.compile(r"([A-Za-z()])\s*(\d*)")


class Turns:
    """The turns of a voice while it is read, by number of rows before them."""

    def __init__(self) -> None:
        """Start without turns."""
        self.by_row: dict[int, Turn] = {}

    def at(self, row: int) -> Turn:
        """Return the turn before a row, created if missing."""
        return self.by_row.setdefault(row, Turn())

    def part(self, row: int, label: str) -> None:
        """Begin a part, which divides sections like a double bar."""
        turn = self.at(row)
        turn.label, turn.divides = label, True

    def bar(self, row: int, text: str) -> None:
        """Process a bar line.

        Args:
            row: Number of rows before it.
            text: Text of the bar line, with the numbers of an ending that begins there.

        Raises:
            ValueError: If a number of times is more than MAX_TIMES.
        """
        signs = text.rstrip(_OF_NUMBERS)
        line = signs.strip(":")
        if text == "|":
            return
        turn = self.at(row)
        closes = len(signs) - len(signs.lstrip(":"))
        opens = len(signs) - len(signs.rstrip(":"))
        if not line:  # "::"
            closes = opens = max(1, closes // 2)
        elif ":" in line:  # "[|]:|", "|:|": ends of sections in some collections
            closes = max(1, closes)
        turn.opens |= opens > 0
        turn.divides |= len(line) > 1
        if closes:
            turn.close(closes + 1)
        if len(signs) < len(text):
            self.ending(row, text)

    def ending(self, row: int, text: str) -> None:
        """Process the beginning of an ending.

        Args:
            row: Number of rows before it.
            text: Text with the numbers of the ending, as "[1" or "1,3-5".

        Raises:
            ValueError: If a number is more than MAX_TIMES.
        """
        ranges = [(number(first), number(last or first)) for first, last in _NUMBERS.findall(text)]
        self.at(row).end_as([number for low, high in ranges for number in range(low, min(high, low + MAX_TIMES) + 1)])


def parts_in_order(text: str) -> list[str]:
    """Parse the order of parts in a header.

    Args:
        text: Value of the P: field, as "ABAC", "A4.B4" or "((AB)3.C)2".

    Returns:
        The labels of the parts in the order in which they are played; empty if the value is a remark.

    Raises:
        ValueError: If there are more than MAX_PARTS.
    """
    if not _PARTS.fullmatch(text):
        return []
    levels: list[list[str]] = [[]]
    for part, times in _PART.findall(text):
        if part == "(":
            levels.append([])
            continue
        if part == ")" and len(levels) == 1:
            return []
        played = levels.pop() if part == ")" else [part]
        count = number(times or "1")
        if len(played) * count + len(levels[-1]) > MAX_PARTS:
            raise ValueError(f"a tune has at most {MAX_PARTS} parts, including repeats: got P:{text[:20]}")
        levels[-1] += played * count
    return levels[0] if len(levels) == 1 else []
