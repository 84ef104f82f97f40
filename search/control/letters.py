"""Requests as the driver finds them: files that anyone who can write to the home folder may have put there."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import one_line
from search.control.requests import Request, parse_request

_MAX_BYTES = 1 << 16


@dataclass(frozen=True)
class Letter:
    """A request in the folder, seen by the driver.

    Attributes:
        name: Its unique name.
        request: The request; None if the file is none.
        problem: Why it is none; empty otherwise.
    """

    name: str
    request: Request | None
    problem: str = ""


def read(path: Path) -> Letter:
    """Read the request in a file; anything else becomes a letter with a problem."""
    if path.is_symlink() or not path.is_file():  # reading a pipe would wait
        return Letter(path.stem, None, "it is not a file")
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            return Letter(path.stem, None, "it is too long")
        return Letter(path.stem, parse_request(text))
    except (OSError, RecursionError, ValueError) as error:
        return Letter(path.stem, None, one_line(error))


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if that is possible."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
