"""The fingerprint of a file: a digest of its contents and of everything that determines how it is read."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from data_prep.limits import read_bytes
from data_prep.readers.notes import Repeats
from data_prep.readers.scores import READER, has_repeats
from data_prep.wording import counted

_version = cache(version)  # reads the metadata of an installed package, without importing it


def file_digest(path: Path, repeats: Repeats = "written") -> str:
    """Return a digest of a file's contents and of everything that determines how it is read.

    Args:
        path: The file.
        repeats: How to read repeats; ignored for formats without repeats.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.sha256(f"{READER}|{_version('music21')}|{path.suffix.lower()}|".encode())
    if repeats != "written" and has_repeats(path):
        digest.update(f"{repeats}|".encode())
    digest.update(contents(path))
    return digest.hexdigest()[:32]


def contents(path: Path) -> bytes:
    """Return a file's contents, or the reason that it cannot be read, as the input of a fingerprint."""
    try:
        return read_bytes(path)
    except OSError as error:
        return f"unreadable: {error.strerror}".encode()
    except ValueError as error:
        return f"refused: {error}, {counted(path.stat().st_size, 'byte')}".encode()
