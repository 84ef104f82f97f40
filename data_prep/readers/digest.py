"""The fingerprint of a file: its contents together with everything that decides how it is read."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from data_prep.limits import read_bytes
from data_prep.readers.notes import Repeats
from data_prep.readers.scores import READER, has_repeats
from data_prep.wording import counted


def file_digest(path: Path, repeats: Repeats = "written") -> str:
    """Return the fingerprint of a file's contents together with everything that decides how it is read.

    Args:
        path: The file.
        repeats: How its repeats are read; both readings of a format without repeats are one.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.sha256(f"{READER}|{music21_version()}|{path.suffix.lower()}|".encode())
    if repeats != "written" and has_repeats(path):
        digest.update(f"{repeats}|".encode())
    digest.update(contents(path))
    return digest.hexdigest()[:32]


def contents(path: Path) -> bytes:
    """Return what a file's fingerprint is made of: its contents, or why it is not read, which is then reported."""
    try:
        return read_bytes(path)
    except OSError as error:
        return f"unreadable: {error.strerror}".encode()
    except ValueError as error:
        return f"refused: {error}, {counted(path.stat().st_size, 'byte')}".encode()


@cache
def music21_version() -> str:
    """Return the installed music21's version, without importing it."""
    return version("music21")
