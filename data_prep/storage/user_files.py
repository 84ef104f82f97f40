"""Write files for users: an existing file is replaced only if the user asks for it."""

import re
from collections.abc import Iterable
from itertools import chain, count
from pathlib import Path

from data_prep.errors import Action, BadInputError


def check_new(paths: Iterable[Path], *, replace: bool) -> None:
    """Check that files may be written, before their contents are computed.

    Args:
        paths: The files.
        replace: Whether existing files may be replaced.

    Raises:
        BadInputError: If a file exists and may not be replaced.
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
    """Write a file; an incomplete new file is removed.

    Args:
        path: The file.
        data: The content.
        replace: Whether an existing file may be replaced.

    Raises:
        FileExistsError: If the file exists and may not be replaced.
        OSError: If the file cannot be written.
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
    """Return the existing files of a set: NAME-01.mid, NAME-01-roll.png, ..., and its report, NAME-report.md.

    Files with other endings, such as a PDF that a user made from one of these, are not part of the set.

    Args:
        folder: The folder, which may not exist.
        name: The set's name.

    Returns:
        The files, sorted.
    """
    member = re.compile(
        re.escape(name) + r"-(\d{2,}(\.(mid|musicxml|abc|svg|png|wav)|-roll\.png)|report\.(json|md|png))"
    )
    return sorted(path for path in folder.glob("*") if member.fullmatch(path.name))


def free_set(folder: Path, name: str) -> str:
    """Return the first name of a set without files among NAME, NAME-run2, NAME-run3, ..."""
    names = chain([name], (f"{name}-run{number}" for number in count(2)))
    return next(free for free in names if not of_set(folder, free))
