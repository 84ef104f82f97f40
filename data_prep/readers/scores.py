"""Reading a score of any known format. music21 is imported only when a file is read."""

import errno
import warnings
from collections.abc import Set as AbstractSet
from importlib import import_module
from pathlib import Path
from typing import get_args

from data_prep.errors import BadInputError, unknown
from data_prep.readers.notes import Reading, Repeats, Unread, reason

READER = 5
"""Version of what is read out of a file; raised with every change to it, so that cached tables are read anew."""

_READERS = {
    ".abc": ("abc.files", "ABC"),
    ".mid": ("midi.score", "MIDI"),
    ".midi": ("midi.score", "MIDI"),
    ".xml": ("musicxml.staves", "MusicXML"),
    ".musicxml": ("musicxml.staves", "MusicXML"),
    ".mxl": ("musicxml.staves", "MusicXML"),
    ".krn": ("kern.spines", "kern"),
}
"""Of each ending the module that reads such files, and what the format is called."""

REPEATS: tuple[Repeats, ...] = get_args(Repeats)
"""How the repeats of scores can be read."""

_OF_PARSERS = (None, errno.EINVAL)
"""Error numbers of the OSErrors that parsers raise on a damaged file: zipfile seeks before an archive's beginning."""

SUFFIXES = frozenset(_READERS)
"""Endings of the files that can be read, in lower case."""


MIDI_SUFFIXES = frozenset(suffix for suffix, (module, _) in _READERS.items() if module == "midi.score")
"""Endings of files that may be performances, in lower case; their repeats are written out already."""


def reader(path: Path) -> str:
    """Return the module that reads a file with one of the SUFFIXES."""
    return f"data_prep.readers.{_READERS[path.suffix.lower()][0]}"


def reading_of_repeats(word: str) -> Repeats:
    """Return the reading of repeats that a word names.

    Args:
        word: One of REPEATS.

    Returns:
        It.

    Raises:
        BadInputError: If it is another.
    """
    for repeats in REPEATS:
        if word == repeats:
            return repeats
    raise unknown("reading of repeats", word, REPEATS)


def has_repeats(path: Path) -> bool:
    """Return whether a file's format has repeats, so that it can be read as written and as played."""
    return path.suffix.lower() not in MIDI_SUFFIXES


def read(path: Path, repeats: Repeats = "written") -> Reading:
    """Read a file. Untrusted files are read by ``reading.read_file``, within bounds.

    Args:
        path: A file with one of the SUFFIXES.
        repeats: How its repeats are read.

    Returns:
        Its voices, and what of it could not be read; a file that cannot be read at all is one unread entry.

    Raises:
        MemoryError: If memory ran out, which its contents alone do not decide.
        OSError: If it cannot be opened.
    """
    module = import_module(reader(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # music21's remarks on a file's style do not matter to the user
            how = {"repeats": repeats} if has_repeats(path) else {}
            return _without_silent(module.read(path, **how))
    except Exception as error:  # a parser may raise anything on one file, and the others are still read
        if isinstance(error, OSError) and error.errno not in _OF_PARSERS:
            raise
        return Reading((), (Unread("", reason(error, _READERS[path.suffix.lower()][1])),))


def _without_silent(reading: Reading) -> Reading:
    """Remove silent voices."""
    silent = [piece.heading for piece in reading.pieces if not piece.num_sounding]
    if not silent:
        return reading
    unread = [Unread(voice.tune, f"no note of {voice.part or 'it'} takes any time") for voice in silent]
    return Reading(tuple(piece for piece in reading.pieces if piece.num_sounding), (*reading.unread, *unread))


def check_path(path: Path, what: str, suffixes: AbstractSet[str] = SUFFIXES) -> None:
    """Reject a path that names no readable file.

    Args:
        path: The path as the user gave it.
        what: What the file is for, with its article ("a prompt").
        suffixes: Endings that it may have, in lower case.

    Raises:
        BadInputError: If its ending is another, or there is no such file.
    """
    if path.is_dir():
        raise BadInputError(f"{what} is a file", f"{str(path)!r} is a folder", remedy="name a file in it")
    if path.suffix.lower() not in suffixes:
        raise BadInputError(f"{what} ends in {', '.join(sorted(suffixes))}", f"got {str(path)!r}")
    if not path.is_file():
        raise BadInputError(f"{what} must be an existing file", f"{path} is not one")
