"""Files for users: none that is there is ever replaced unless that is asked for."""

import re
from collections.abc import Iterable
from pathlib import Path

from data_prep.errors import BadInputError


def check_new(paths: Iterable[Path], *, replace: bool) -> None:
    """Refuse to replace files, before anything is computed for them.

    Args:
        paths: The files that are to be written.
        replace: Whether those that are there may be replaced.

    Raises:
        BadInputError: If one is there and may not.
    """
    there = [] if replace else [str(path) for path in paths if path.exists()]
    if there:
        more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise BadInputError(
            f"files that are there are not replaced unasked: {there[0]}{more} exists; name another place, or replace "
            "what is there with --force"
        )


def write(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file; a new one is there whole or not at all.

    Args:
        path: The file.
        data: What is to be in it.
        replace: Whether one that is there may be replaced.

    Raises:
        FileExistsError: If it is there and may not.
        OSError: If it cannot be written.
    """
    with path.open("wb" if replace else "xb") as file:
        try:
            file.write(data)
            file.flush()
        except OSError:
            if not replace:
                path.unlink(missing_ok=True)
            raise


def of_set(folder: Path, name: str) -> list[Path]:
    """Return a set's files: NAME-01.mid, NAME-01-roll.png, ..., and the report on them, NAME-report.md.

    Files of other endings are somebody else's, as a PDF that was made of one of these.

    Args:
        folder: Where it lies, if anywhere.
        name: Its name.

    Returns:
        The files that are there.
    """
    member = re.compile(
        re.escape(name) + r"-(\d{2,}(\.(mid|musicxml|abc|svg|png|wav)|-roll\.png)|report\.(json|md|png))"
    )
    return sorted(path for path in folder.glob("*") if member.fullmatch(path.name))


def free_set(folder: Path, name: str) -> str:
    """Return the name of a set that has no file yet: NAME, or NAME-run2, NAME-run3, ... where that is taken."""
    number, free = 1, name
    while of_set(folder, free):
        number += 1
        free = f"{name}-run{number}"
    return free
