"""Find the cache folder and write files to it."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from data_prep.errors import BadInputError
from data_prep.storage.atomic_write import atomic_write

VARIABLE = "TUNESMITH_CACHE"
"""Environment variable that names another cache folder."""


def folder(path: Path | None = None) -> Path:
    """Return ``path``, or else the folder in the environment variable, or else the user's cache folder."""
    if path is not None:
        return path
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    return user_cache_path("tunesmith")


def write(path: Path, data: bytes) -> None:
    """Write a file atomically, even if other processes write it at the same time.

    Args:
        path: The file; its folder is created.
        data: The content.

    Raises:
        BadInputError: If the file cannot be written (a full disk, a folder without permission).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data)
    except OSError as error:
        raise BadInputError(
            "the cache must be writable",
            f"{path.parent} is not ({error.strerror or error})",
            remedy=f"free some space there, or name another folder with {VARIABLE}",
        ) from error
