"""Scores in: one file of any kind that can be read becomes a Reading. The only module that starts music21."""

import warnings
from collections.abc import Callable
from pathlib import Path

from data_prep.notes import Reading, Unread, reason

READER = 1
"""Version of what is read out of a file; raised with every change to it, so that cached tables are read anew."""


def _read_abc(path: Path, data: bytes) -> Reading:
    from data_prep.readers import abc

    return abc.read(data)


def _read_midi(path: Path, data: bytes) -> Reading:
    from data_prep.readers import midi

    return midi.read(data)


def _read_musicxml(path: Path, data: bytes) -> Reading:
    from data_prep.readers import staves

    return staves.read(path, "musicxml")


def _read_kern(path: Path, data: bytes) -> Reading:
    from data_prep.readers import staves

    return staves.read(path, "humdrum")


_READERS: dict[str, Callable[[Path, bytes], Reading]] = {
    ".abc": _read_abc,
    ".mid": _read_midi,
    ".midi": _read_midi,
    ".xml": _read_musicxml,
    ".musicxml": _read_musicxml,
    ".mxl": _read_musicxml,
    ".krn": _read_kern,
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
            return _READERS[path.suffix.lower()](path, path.read_bytes())
    except Exception as error:  # noqa: BLE001  (whatever a parser raises on one file, the others are to be read)
        return Reading((), (Unread("", reason(error)),))
