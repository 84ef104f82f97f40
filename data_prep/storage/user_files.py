"""Files for users: an existing file is never replaced unless the user asks for it."""

import re
from collections.abc import Iterable
from pathlib import Path

from data_prep.errors import Action, BadInputError


def check_new(paths: Iterable[Path], *, replace: bool) -> None:
    """Refuse to replace files, before anything is computed for them.

    Args:
        paths: The files that are to be written.
        replace: Whether existing ones may be replaced.

    Raises:
        BadInputError: If one exists and may not be replaced.
    """
    existing = [] if replace else [path for path in paths if path.exists()]
    if existing:
        more = f" (and {len(existing) - 1} more)" if len(existing) > 1 else ""
        raise BadInputError(
            "existing files are not replaced unless you ask for it",
            f"{existing[0]}{more} exists",
            remedy="choose another name or folder, or replace the files",
            action=Action("replace files"),
        )


def write(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file; a new one is complete or does not exist.

    Args:
        path: The file.
        data: Its content.
        replace: Whether an existing one may be replaced.

    Raises:
        FileExistsError: If it exists and may not be replaced.
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

    Files with other endings are not part of the set, such as a PDF that a user made from one of these.

    Args:
        folder: Where it lies, if anywhere.
        name: Its name.

    Returns:
        The files that exist.
    """
    member = re.compile(
        re.escape(name) + r"-(\d{2,}(\.(mid|musicxml|abc|svg|png|wav)|-roll\.png)|report\.(json|md|png))"
    )
    return sorted(path for path in folder.glob("*") if member.fullmatch(path.name))


def free_set(folder: Path, name: str) -> str:
    """Return the name of a set without files: NAME, or the first of NAME-run2, NAME-run3, ... that is free."""
    number, free = 1, name
    while of_set(folder, free):
        number += 1
        free = f"{name}-run{number}"
    return free
