"""The cache folder: where it is, and writes that are whole or not there at all."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from data_prep.errors import BadInputError
from data_prep.storage import atomic_write

VARIABLE = "TUNESMITH_CACHE"
"""The environment variable that names another cache folder."""


def folder(given: Path | None = None) -> Path:
    """Give the cache folder: the given one, the environment's, or the user's own."""
    if given is not None:
        return given
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    return user_cache_path("tunesmith")


def write(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, whoever else writes it at the same time.

    Args:
        path: Where; its folder is made.
        data: What.

    Raises:
        BadInputError: If it cannot be written (a full disk, a folder without permission).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write.write(path, data)
    except OSError as error:
        raise BadInputError(
            f"the cache must be writable, but {path.parent} is not ({error.strerror or error}): make room there, "
            f"or name another folder with {VARIABLE}"
        ) from error
