"""Scores in: one file of any kind that can be read becomes a Reading. music21 is imported only when a file is read."""

import warnings
from importlib import import_module
from pathlib import Path

from data_prep.notes import Reading, Unread, reason

READER = 3
"""Version of what is read out of a file; raised with every change to it, so that cached tables are read anew."""

_READERS = {
    ".abc": "abc",
    ".mid": "midi",
    ".midi": "midi",
    ".xml": "staves",
    ".musicxml": "staves",
    ".mxl": "staves",
    ".krn": "kern",
}

SUFFIXES = frozenset(_READERS)
"""Endings of the files that can be read, in lower case."""


def read(path: Path) -> Reading:
    """Read a file.

    Args:
        path: A file with one of the SUFFIXES.

    Returns:
        Its voices, and what of it could not be read; a file that cannot be read at all is one unread entry.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what music21 remarks on a file's style is not the user's concern here
            reader = import_module(f"data_prep.readers.{_READERS[path.suffix.lower()]}")
            return reader.read(path)
    except Exception as error:  # noqa: BLE001  (whatever a parser raises on one file, the others are to be read)
        return Reading((), (Unread("", reason(error)),))
