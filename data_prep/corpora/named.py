"""Named corpora and folders of scores: their files, licences, kinds of data, and rules for excluding pieces."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from data_prep.errors import BadInputError, unknown
from data_prep.readers.notes import Repeats
from data_prep.readers.scores import MIDI_SUFFIXES, SUFFIXES, reading_of_repeats

INDEX = "index.csv"
"""File name of a table with the style, composer and title of each performance in a folder."""

_MUSIC21 = (
    "Shipped inside music21, whose corpus licence says: to the best of their knowledge each piece is out of copyright "
    "in the United States or licensed for use, though there may be restrictions on commercial use."
)

PLAIN = (
    "grace notes",
    "chords",
    "rests",
    "metre changes",
    "key changes",
    "odd durations",
    "slurs written as ties",
)
"""The rules that exclude all but plain tunes, in the order in which they are applied."""


@dataclass(frozen=True)
class Corpus:
    """A collection of scores.

    Attributes:
        name: Its name, or the folder as the user wrote it.
        summary: One-line description.
        licence: Licence of the scores.
        folder: Folder of the files, searched recursively.
        suffixes: Suffixes of the files, in lower case.
        rules: Names of the rules (see melodies/filters.py) that exclude pieces, in order.
        duplicates: Which pieces are excluded as duplicates of an earlier one: those that begin with the same 32
            pitches, those with the same pitches and durations throughout, or none.
        settings: Headings that mark two tunes as settings of the same tune if they are equal.
        kind: Kind of data; None for a folder, which is prepared as the kind that a family reads.
        style_column: Column of the index with the style of a performance; None for the default.
        rendered: Whether the performances are rendered from scores by rule.
        every: Only every n-th file is used.
        repeats: How repeats in the scores are read.
    """

    name: str
    summary: str
    licence: str
    folder: Path
    suffixes: frozenset[str] = SUFFIXES
    rules: tuple[str, ...] = ("too short",)
    duplicates: Literal["first 32 pitches", "identical", "kept"] = "identical"
    settings: tuple[Literal["number", "title"], ...] = ()
    kind: Literal["melodies", "performances"] | None = "melodies"
    style_column: str | None = None
    rendered: bool = False
    every: int = 1
    repeats: Repeats = "written"

    def files(self) -> tuple[Path, ...]:
        """Return the files of the corpus, sorted by name; raise BadInputError if there are none."""
        paths = self.paths(self.suffixes)
        if not paths:
            suffixes = ", ".join(sorted(self.suffixes))
            raise BadInputError(f"a corpus needs at least one score ({suffixes})", f"there is none in {self.folder}")
        return tuple(paths[:: self.every])

    def paths(self, suffixes: frozenset[str]) -> list[Path]:
        """Return all files with one of the suffixes, at any depth, sorted by name."""
        paths = (
            path
            for path in self.folder.rglob("*")
            if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
        )
        return sorted(paths, key=self.file_name)

    def file_name(self, path: Path) -> str:
        """Return the path of a file relative to the corpus's folder."""
        return path.relative_to(self.folder).as_posix()

    def likely_kind(self) -> Literal["melodies", "performances"]:
        """Return the kind; guess performances for a folder with an index, annotations or only subfolders of MIDI."""
        if self.kind is not None:
            return self.kind
        if (self.folder / INDEX).exists() or next(self.folder.rglob("*_annotations.txt"), None) is not None:
            return "performances"
        below = [(path.suffix.lower() in MIDI_SUFFIXES, path.parent != self.folder) for path in self.files()]
        return "performances" if all(is_midi and in_folder for is_midi, in_folder in below) else "melodies"

    def fingerprint(self, settings: tuple[object, ...], digests: Mapping[Path, str]) -> str:
        """Return the fingerprint of the files and the settings that determine the prepared data.

        Args:
            settings: The settings.
            digests: The files, each with a digest.

        Returns:
            32 hexadecimal digits.
        """
        parts = [repr(settings), *(repr((self.file_name(path), digest)) for path, digest in digests.items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


_ONEILLS = "Francis O'Neill, Music of Ireland (Chicago 1903), in ABC as transcribed by volunteers"
_TRANSCRIBED = f"The tunes are in the public domain; the transcribers are named in the files. {_MUSIC21}"
_BACH = f"The music is in the public domain; encoded by Margaret Greentree and others. {_MUSIC21}"
_BACH_SUFFIXES = frozenset({".mxl", ".xml", ".krn"})

_NAMED = (
    Corpus(
        name="oneills",
        summary=f"plain tunes of {_ONEILLS}: one note at a time, one metre, one key, no duplicates",
        licence=_TRANSCRIBED,
        folder=Path("oneills1850"),
        rules=("too short", *PLAIN),
        duplicates="first 32 pitches",
        settings=("number", "title"),
    ),
    Corpus(
        name="oneills-all",
        summary=f"every tune of {_ONEILLS}, nothing left out",
        licence=_TRANSCRIBED,
        folder=Path("oneills1850"),
        rules=(),
        duplicates="kept",
        settings=("number", "title"),
    ),
    Corpus(
        name="ryans",
        summary="Ryan's Mammoth Collection of fiddle tunes (Boston 1883), in ABC as transcribed by volunteers",
        licence=_TRANSCRIBED,
        folder=Path("ryansMammoth"),
    ),
    Corpus(
        name="airds",
        summary="James Aird, A Selection of Scotch, English, Irish and Foreign Airs (Glasgow 1778-1801), in ABC",
        licence=f"The tunes are in the public domain; transcribed by Jack Campin, 2009. {_MUSIC21}",
        folder=Path("airdsAirs"),
    ),
    Corpus(
        name="chorales",
        summary="Bach's four-part chorales, each of the four voices a piece of its own",
        licence=_BACH,
        folder=Path("bach"),
        suffixes=_BACH_SUFFIXES,
        rules=("too short", "not in four parts"),
    ),
    Corpus(
        name="synthetic",
        summary="synthetic performances: scores of Bach's in 4/4, mostly chorales, played in two styles by rule",
        licence=_BACH,
        folder=Path("bach"),
        suffixes=_BACH_SUFFIXES,
        kind="performances",
        rendered=True,
        every=3,
    ),
)
"""The named corpora, the default first; folders are relative to music21's corpus."""


@cache
def corpora() -> Mapping[str, Corpus]:
    """Return the named corpora by name, the default first."""
    spec = find_spec("music21")  # finds the package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise BadInputError("the named corpora come with music21", "it is not installed", remedy="pip install music21")
    root = Path(spec.submodule_search_locations[0]) / "corpus"
    return {corpus.name: replace(corpus, folder=root / corpus.folder) for corpus in _NAMED}


def resolve(name_or_folder: str, repeats: str = "written") -> Corpus:
    """Return a named corpus, or a folder as a corpus.

    Args:
        name_or_folder: A name in ``corpora()``, or the path of a folder with MIDI, ABC, MusicXML or kern files. The
            suffix ":COLUMN" selects the column of index.csv that contains the style of a performance.
        repeats: How repeats in the scores are read, one of ``scores.REPEATS``.

    Returns:
        The corpus.

    Raises:
        BadInputError: If there is no such corpus or folder, or ``repeats`` is invalid.
    """
    return replace(_named_or_folder(name_or_folder), repeats=reading_of_repeats(repeats))


def _named_or_folder(name_or_folder: str) -> Corpus:
    if name_or_folder in corpora():
        return corpora()[name_or_folder]
    if not name_or_folder:  # as a path it would be the current folder
        raise BadInputError("a corpus is a name or a folder", "got ''", remedy="name one, or . for the current folder")
    path, column = Path(name_or_folder).expanduser(), None
    if not path.is_dir() and ":" in name_or_folder:
        before, _, after = name_or_folder.rpartition(":")
        if before and after and Path(before).expanduser().is_dir():
            path, column = Path(before).expanduser(), after
    if path.is_dir():
        return Corpus(
            name=name_or_folder,
            summary=f"the scores in {path}",
            licence="as granted by the owner of the folder",
            folder=path,
            kind=None if column is None else "performances",
            style_column=column,
        )
    if path.exists():
        raise BadInputError("a corpus is a name or a folder", f"{name_or_folder!r} is a file", remedy="name its folder")
    if "/" in name_or_folder:
        raise BadInputError("a corpus is a name or a folder", f"there is no folder {name_or_folder!r}")
    raise unknown("corpus", name_or_folder, corpora(), f"and there is no such folder in {Path.cwd()}")
