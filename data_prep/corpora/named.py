"""The named corpora and folders: which files, in which order, under which licence, of which kind, what is left out."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from data_prep.errors import BadInputError, unknown
from data_prep.readers.notes import Repeats
from data_prep.readers.scores import MIDI_SUFFIXES, SUFFIXES, reading_of_repeats

INDEX = "index.csv"
"""A table beside performances that names each one's style, composer and title."""

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
"""The rules that leave only plain tunes, in the order in which they are applied."""


@dataclass(frozen=True)
class Corpus:
    """A collection of scores.

    Attributes:
        name: How the user asks for it: its name, or the folder as written.
        summary: One line on what it is.
        licence: The terms of its scores.
        folder: Where its files are, searched to any depth.
        suffixes: Endings of its files, in lower case.
        rules: Names of the rules (see filters.py) by which pieces are left out, in order.
        duplicates: Which pieces are left out as duplicates of an earlier one: those that begin with the same 32
            pitches, those with the same pitches and durations throughout, or none.
        settings: What shows that two tunes are settings of one, besides their notes: the same number, the same title.
        kind: The kind of data that is made of it; None for a folder, which has the kind that a family reads.
        style_column: The column of its index that names a performance's style; None for the one that is the default.
        rendered: Its performances are scores played by rule.
        every: Only every n-th file is taken.
        repeats: How the repeats of its scores are read.
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
        """Return its files, in the order of their names relative to the folder.

        Returns:
            The files.

        Raises:
            BadInputError: If there are none.
        """
        paths = [
            path
            for path in self.folder.rglob("*")
            if path.suffix.lower() in self.suffixes and not path.name.startswith(".") and path.is_file()
        ]
        if not paths:
            suffixes = ", ".join(sorted(self.suffixes))
            raise BadInputError(f"a corpus needs at least one score ({suffixes})", f"there is none in {self.folder}")
        return tuple(sorted(paths, key=self.file_name)[:: self.every])

    def file_name(self, path: Path) -> str:
        """Name a file independently of the corpus's location."""
        return path.relative_to(self.folder).as_posix()

    @property
    def num_files(self) -> int:
        """Number of its files."""
        return len(self.files())

    def likely_kind(self) -> Literal["melodies", "performances"]:
        """Return its kind, guessed for a folder: performances have an index, annotations, or folders of MIDI alone."""
        if self.kind is not None:
            return self.kind
        if (self.folder / INDEX).exists() or next(self.folder.rglob("*_annotations.txt"), None) is not None:
            return "performances"
        below = [(path.suffix.lower() in MIDI_SUFFIXES, path.parent != self.folder) for path in self.files()]
        return "performances" if all(is_midi and in_folder for is_midi, in_folder in below) else "melodies"

    def fingerprint(self, digests: Iterable[tuple[str, str]]) -> str:
        """Return the fingerprint of what is read and left out.

        Args:
            digests: (name, digest) of each file, the digest as ``file_digest`` gives it.

        Returns:
            32 hexadecimal digits.
        """
        parts = [repr((self.rules, self.duplicates, self.settings)), *map(repr, digests)]
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
    """Find a corpus by its name, or take a folder as one.

    Args:
        name_or_folder: A name of ``corpora()``, or the path of a folder with MIDI, ABC, MusicXML or kern files, to
            which ":COLUMN" may be added: the column of its index.csv that names a performance's style.
        repeats: How the repeats of its scores are read, one of ``scores.REPEATS``.

    Returns:
        The corpus.

    Raises:
        BadInputError: If it is neither, or a file instead of a folder, or there is no such reading of repeats.
    """
    return replace(_named_or_folder(name_or_folder), repeats=reading_of_repeats(repeats))


def _named_or_folder(name_or_folder: str) -> Corpus:
    if name_or_folder in corpora():
        return corpora()[name_or_folder]
    path, column = Path(name_or_folder).expanduser(), None
    if not path.is_dir() and ":" in name_or_folder:
        before, _, after = name_or_folder.rpartition(":")
        if after and Path(before).expanduser().is_dir():
            path, column = Path(before).expanduser(), after
    if path.is_dir():
        return Corpus(
            name=name_or_folder,
            summary=f"the scores in {path}",
            licence="whatever the owner of the folder has granted",
            folder=path,
            kind=None if column is None else "performances",
            style_column=column,
        )
    if path.exists():
        raise BadInputError("a corpus is a name or a folder", f"{name_or_folder!r} is a file", remedy="name its folder")
    if "/" in name_or_folder:
        raise BadInputError("a corpus is a name or a folder", f"there is no folder {name_or_folder!r}")
    raise unknown("corpus", name_or_folder, corpora(), f"and there is no such folder in {Path.cwd()}")
