"""A tune's form, as in AABB: parts of equal length, of which those with the same letter begin alike."""

import re
from dataclasses import dataclass

from data_prep.errors import BadInputError
from data_prep.wording import by_number, counted

_MAX_PARTS = 26


@dataclass(frozen=True)
class Form:
    """Parts of a tune.

    Attributes:
        letters: One for each part.
        part: Bars of each.
    """

    letters: str
    part: int

    def bars_back(self, bar: int) -> int | None:
        """Return how many bars earlier the same part was last played, or None for a new part; bar -1 is the pickup."""
        number = max(bar, 0) // self.part
        before = self.letters.rfind(self.letters[number], 0, number)
        return None if before < 0 else (number - before) * self.part


def parse_form(text: str, bars: int, most: int) -> Form:
    """Read a form as it is written.

    Args:
        text: A letter for each part, as in "AABB".
        bars: Of the whole tune.
        most: Bars that a tune can have.

    Returns:
        The form.

    Raises:
        BadInputError: If it is no form, or its parts are not whole bars.
    """
    letters = text.strip()
    if not re.fullmatch(f"[A-Za-z]{{1,{_MAX_PARTS}}}", letters):
        raise BadInputError(f"a form has a letter for each of 1 to {_MAX_PARTS} parts, as in AABB", f"got {text!r}")
    part, rest = divmod(bars, len(letters))
    if rest:
        nearest = min(max(1, round(bars / len(letters))), most // len(letters)) * len(letters)
        raise BadInputError(
            "the parts of a form are equally many whole bars",
            f"{counted(bars, 'bar')} {by_number(bars, 'is', 'are')} not {counted(len(letters), 'such part')}",
            remedy=f"ask for {counted(nearest, 'bar')}",
        )
    return Form(letters.upper(), part)
