"""Reading of scores in any known format. music21 is imported only when a file is read."""

import errno
import warnings
from collections.abc import Set as AbstractSet
from importlib import import_module
from pathlib import Path
from typing import get_args

from data_prep.errors import BadInputError, unknown
from data_prep.readers.notes import Reading, Repeats, Unread, reason

READER = 5
"""Version of the readers, incremented with every change of their results: tables cached by older ones are not used."""

_READERS = {
    ".abc": ("abc.files", "ABC"),
    ".mid": ("midi.score", "MIDI"),
    ".midi": ("midi.score", "MIDI"),
    ".xml": ("musicxml.staves", "MusicXML"),
    ".musicxml": ("musicxml.staves", "MusicXML"),
    ".mxl": ("musicxml.staves", "MusicXML"),
    ".krn": ("kern.files", "kern"),
}
"""The module that reads files with a suffix, and the name of their format, by suffix."""

REPEATS: tuple[Repeats, ...] = get_args(Repeats)
"""The ways to read the repeats of a score."""

SUFFIXES = frozenset(_READERS)
"""Suffixes of the files that can be read, in lower case."""

MIDI_SUFFIXES = frozenset(suffix for suffix, (_, form) in _READERS.items() if form == "MIDI")
"""Suffixes of files that may be performances, in lower case. They contain no repeats."""

MUSICXML_SUFFIXES = frozenset(suffix for suffix, (_, form) in _READERS.items() if form == "MusicXML")
"""Suffixes of MusicXML files, in lower case."""


def reader(path: Path) -> str:
    """Return the name of the module that reads a file with one of the SUFFIXES."""
    return f"data_prep.readers.{_READERS[path.suffix.lower()][0]}"


def reading_of_repeats(word: str) -> Repeats:
    """Return a word as a value of type Repeats; raise BadInputError if it is not one of REPEATS."""
    for repeats in REPEATS:
        if word == repeats:
            return repeats
    raise unknown("reading of repeats", word, REPEATS)


def has_repeats(path: Path) -> bool:
    """Return whether the format of a file has repeats."""
    return path.suffix.lower() not in MIDI_SUFFIXES


def read(path: Path, repeats: Repeats = "written") -> Reading:
    """Read a file without bounds; for untrusted files use ``cached.read_file``.

    Args:
        path: A file with one of the SUFFIXES.
        repeats: How to read repeats.

    Returns:
        The voices, and the tunes that could not be read. A file that cannot be read at all is one unread entry.

    Raises:
        MemoryError: If memory ran out.
        OSError: If the file cannot be opened.
    """
    module = import_module(reader(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # music21 warns about the style of files
            how = {"repeats": repeats} if has_repeats(path) else {}
            return _without_silent(module.read(path, **how))
    except Exception as error:  # a parser may raise anything
        if isinstance(error, OSError) and error.errno not in {None, errno.EINVAL}:  # those are of damaged archives
            raise
        return Reading((), (Unread("", reason(error, _READERS[path.suffix.lower()][1])),))


def _without_silent(reading: Reading) -> Reading:
    """Replace each silent voice by an unread entry."""
    sounding = tuple(piece for piece in reading.pieces if piece.num_sounding)
    silent = (piece.heading for piece in reading.pieces if not piece.num_sounding)
    unread = (Unread(voice.tune, f"no note of {voice.part or 'it'} has a duration") for voice in silent)
    return Reading(sounding, (*reading.unread, *unread))


def check_path(path: Path, kind: str, suffixes: AbstractSet[str] = SUFFIXES) -> None:
    """Raise BadInputError if a path is not an existing file with an accepted suffix.

    Args:
        path: Path from the user.
        kind: Kind of file with an article, for the error message ("a prompt").
        suffixes: Accepted suffixes, in lower case.

    Raises:
        BadInputError: If the file does not exist, is a folder or has another suffix.
    """
    if path.is_dir():
        raise BadInputError(f"{kind} is a file", f"{str(path)!r} is a folder", remedy="name a file in it")
    if path.suffix.lower() not in suffixes:
        raise BadInputError(f"{kind} ends in {', '.join(sorted(suffixes))}", f"got {str(path)!r}")
    if not path.is_file():
        raise BadInputError(f"{kind} must be an existing file", f"{path} is not one")
