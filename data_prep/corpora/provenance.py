"""Prepared data and its provenance: the inputs, the origin of each piece, and what was left out."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data_prep.readers.notes import Repeats

PREPARATION = 1
"""Version of all steps after reading (rules, groups, folds, assembly), incremented when their results change."""


@dataclass(frozen=True)
class Inputs:
    """Everything that determines the prepared data.

    Attributes:
        digests: The files of the corpus in order, each with the digest of its reading.
        corpus: Fingerprint of the files and rules; with the seed, it determines the folds and the test set.
        kind: Kind of data.
        num_folds: Number of folds.
        seed: Seed of the folds and the test set.
        holdout: Whether only the first fold is held out, and the pieces of the others are always trained on.
        unread: Names of the files that could not be read for a transient reason, sorted. They are missing in the data,
            which a later run must not mistake for the complete data.
    """

    digests: Mapping[Path, str]
    corpus: str
    kind: str
    num_folds: int
    seed: int
    holdout: bool = False
    unread: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Fingerprint of all inputs, 32 hexadecimal digits."""
        parts = f"{PREPARATION}|{self.corpus}|{self.kind}|{self.num_folds}|{self.seed}"
        parts += "|holdout" if self.holdout else ""
        parts += f"|{self.unread!r}" if self.unread else ""
        return hashlib.sha256(parts.encode(errors="surrogateescape")).hexdigest()[:32]

    @property
    def num_held_out(self) -> int:
        """Number of folds that are held out, one after another; one if pieces are only scored."""
        return 1 if self.holdout else max(self.num_folds, 1)

    def without(self, files: Iterable[str]) -> "Inputs":
        """Return the inputs without files that could not be read for a transient reason."""
        return replace(self, unread=tuple(sorted(files)))


@dataclass(frozen=True)
class Origin:
    """Origin of a piece.

    Attributes:
        title: Title, "" if the source has none.
        composer: Composer, "" if the source names none.
        group: Number of its group of related pieces.
        score: Name of its score; the voices of a score are pieces of their own.
        voice: Its number among the voices of the score, from the top, from 0.
    """

    title: str
    composer: str
    group: int
    score: str = ""
    voice: int = 0


@dataclass(frozen=True)
class Skipped:
    """A file, or a tune of a file, that could not be read or was left out.

    Attributes:
        file: Name of the file, with the tune's number if the rest of the file could be read ("a.abc#12").
        reason: The reason, in one line.
    """

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Report:
    """What was read and left out.

    Attributes:
        origins: Origin of each piece that a search may use.
        skipped: The files and tunes that could not be read.
        left_out: Number of pieces excluded by each rule, counted under the first rule that applies, and as duplicates;
            rules that exclude none are included.
        num_files: Number of files.
        num_read: Number of pieces read.
        exclusions: The excluded pieces, if the kind of data lists them.
    """

    origins: tuple[Origin, ...]
    skipped: tuple[Skipped, ...]
    left_out: Mapping[str, int]
    num_files: int
    num_read: int
    exclusions: tuple[Skipped, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Preparation(_Report):
    """The result of preparing a corpus.

    Attributes:
        open_pieces: The pieces that a search may use, Melodies or Performances.
        sealed_pieces: The pieces of the test set.
    """

    open_pieces: Any
    sealed_pieces: Any


@dataclass(frozen=True)
class Source:
    """File of prepared pieces.

    Attributes:
        path: The file.
        hash: SHA-256 of its contents, in hexadecimal.
    """

    path: Path
    hash: str


@dataclass(frozen=True, kw_only=True)
class Prepared(_Report):
    """A corpus ready for trials.

    Attributes:
        data: The pieces that a search may use, with their folds: Melodies or Performances, depending on the kind.
        kind: Kind of data.
        repeats: How repeats in the scores were read.
        num_test_pieces: Number of pieces in the test set.
        num_test_notes: Number of their notes.
        fingerprint: Fingerprint of the files' contents, the version of the reader, the rules, the number of folds, the
            seed, and the files that could not be read for a transient reason.
        seed: Seed of the folds.
        source: Where the corpus is stored.
    """

    data: Any
    kind: str
    repeats: Repeats
    num_test_pieces: int
    num_test_notes: int
    fingerprint: str
    seed: int
    source: Source
