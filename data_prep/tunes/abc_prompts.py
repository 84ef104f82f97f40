"""Prompts that are typed as ABC: a tune, or only its notes; an error has its place in the text."""

import re

from data_prep.errors import BadInputError
from data_prep.readers.abc.files import split_tunes
from data_prep.readers.abc.tunes import LineError, read_tune
from data_prep.readers.notes import Reading, reason
from data_prep.tunes.notation import Tune
from data_prep.tunes.prompts import top_voice, tune_of

MAX_CHARACTERS = 20_000
"""Length of a typed prompt."""

_FIELD = re.compile(r"^[ \t]*[A-Za-z]:(?![|:])", re.MULTILINE)


class BadAbcError(BadInputError):
    """Raised for a prompt that cannot be read.

    Attributes:
        line: The line, from 1; 0 if the error has no place.
        begin: Where the text that cannot be read begins in the line, in characters from 0.
        end: Where it ends.
    """

    def __init__(self, value: str, line: int = 0, begin: int = 0, end: int = 0) -> None:
        """Store the parts."""
        super().__init__("a prompt is a tune in ABC, or its notes", value)
        self.line, self.begin, self.end = line, begin, end


def read_abc(text: str, *, key: str, metre: tuple[int, int]) -> tuple[Tune, list[str]]:
    """Read a prompt.

    Args:
        text: A tune in ABC, whose header ends with its key (K:), or notes without any field.
        key: The key of notes without a header, as in a K: field.
        metre: Their metre.

    Returns:
        The tune, and a line for each thing that was left out or assumed.

    Raises:
        BadAbcError: If the text cannot be read.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadAbcError(f"it has more than {MAX_CHARACTERS:,} characters")
    header = "" if _FIELD.search(text) else f"X:1\nM:{metre[0]}/{metre[1]}\nL:1/8\nK:{key}\n"
    lines = f"{header}{text}".replace("\r\n", "\n").split("\n")
    tunes = split_tunes("\n".join(lines))
    if not text.strip() or not tunes:
        raise BadAbcError(
            "there is no tune in it: its header ends with its key (K:)" if text.strip() else "it is empty"
        )
    name, first = tunes[0]
    try:
        pieces = tuple(piece for piece in read_tune(name, first) if piece.num_sounding)
    except LineError as error:
        shift = len(lines[error.line - 1]) - len(lines[error.line - 1].lstrip())
        line = error.line - header.count("\n")
        problem = str(error).partition(": ")[2]
        raise BadAbcError(problem, max(line, 0), shift + error.begin, shift + error.end) from None
    except (ValueError, ArithmeticError) as error:
        raise BadAbcError(reason(error, "ABC")) from None
    if not pieces:
        raise BadAbcError("no note in it has a length")
    piece, remarks = top_voice(Reading(pieces, ()))
    return tune_of(piece), remarks
