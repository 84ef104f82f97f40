"""The form of a tune, such as AABB: parts of equal length; parts with the same letter begin alike."""

import re
from dataclasses import dataclass

from data_prep.errors import BadInputError
from data_prep.wording import counted

_MAX_PARTS = 26


@dataclass(frozen=True)
class Form:
    """Parts of a tune.

    Attributes:
        letters: One letter for each part.
        part: Bars of each part.
    """

    letters: str
    part: int

    def bars_back(self, bar: int) -> int | None:
        """Return the number of bars since the same part was last played; None for a new part. Bar -1 is the pickup."""
        number = max(bar, 0) // self.part
        before = self.letters.rfind(self.letters[number], 0, number)
        return None if before < 0 else (number - before) * self.part


def parse_form(text: str, bars: int, most: int) -> Form:
    """Parse a form.

    Args:
        text: A letter for each part, such as "AABB".
        bars: Bars of the tune.
        most: Maximum number of bars of a tune.

    Returns:
        The form.

    Raises:
        BadInputError: If the text is not a form, or the number of bars is not a multiple of the number of parts.
    """
    letters = text.strip()
    if not re.fullmatch(f"[A-Za-z]{{1,{_MAX_PARTS}}}", letters):
        raise BadInputError(f"a form has 1 to {_MAX_PARTS} letters, one for each part, as in AABB", f"got {text!r}")
    part, rest = divmod(bars, len(letters))
    if rest:
        nearest = min(max(1, round(bars / len(letters))), most // len(letters)) * len(letters)
        raise BadInputError(
            "the number of bars is a multiple of the number of parts",
            f"got {counted(bars, 'bar')} for {counted(len(letters), 'part')}",
            remedy=f"ask for {counted(nearest, 'bar')}",
        )
    return Form(letters.upper(), part)
