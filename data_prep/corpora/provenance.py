"""Prepared data and where it comes from: the inputs that decide it, each piece's origin, and what is not in it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data_prep.readers.notes import Repeats

PREPARATION = 1
"""Version of everything after reading (rules, kinship, folds, assembly); raised with every change to its results."""


@dataclass(frozen=True)
class Inputs:
    """Everything that decides what is prepared, except the corpus's rules, which are in its fingerprint.

    Attributes:
        digests: The corpus's files in their order, with the digest of how each is read.
        corpus: The fingerprint of the files and rules; with the seed it decides the folds and the test set.
        kind: The kind of data.
        num_folds: Number of folds.
        seed: Of the folds and the test set.
        unread: Names of the files that could not be read for a passing reason, sorted. Without them the data is
            different, and no later run may use it for the whole.
    """

    digests: Mapping[Path, str]
    corpus: str
    kind: str
    num_folds: int
    seed: int
    unread: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Fingerprint of all of it, 32 hexadecimal digits."""
        parts = f"{PREPARATION}|{self.corpus}|{self.kind}|{self.num_folds}|{self.seed}"
        parts += f"|{self.unread!r}" if self.unread else ""
        return hashlib.sha256(parts.encode(errors="surrogateescape")).hexdigest()[:32]

    def without(self, files: Iterable[str]) -> "Inputs":
        """Return the inputs without files that cannot be read for a passing reason."""
        return replace(self, unread=tuple(sorted(files)))


@dataclass(frozen=True)
class Origin:
    """Where a piece comes from.

    Attributes:
        title: Its title, "" where the source has none.
        composer: Its composer, "" where the source names none.
        group: Its group of kin, a number.
    """

    title: str
    composer: str
    group: int


@dataclass(frozen=True)
class Skipped:
    """A file, or a tune of a file, that could not be read or was left out.

    Attributes:
        file: Its name, with the tune's number where the rest of the file could be read ("a.abc#12").
        reason: Why, in one line.
    """

    file: str
    reason: str


@dataclass(frozen=True)
class Preparation:
    """The result of preparing a corpus: the attributes of ``Prepared``, and the sealed pieces."""

    open_pieces: Any
    sealed_pieces: Any
    origins: tuple[Origin, ...]
    skipped: tuple[Skipped, ...]
    left_out: Mapping[str, int]
    num_files: int
    num_read: int
    exclusions: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Source:
    """Where the prepared pieces are stored.

    Attributes:
        path: The file.
        hash: SHA-256 of its contents, in hexadecimal.
    """

    path: Path
    hash: str


@dataclass(frozen=True)
class Prepared:
    """A corpus ready for trials.

    Attributes:
        data: The pieces that a search may see, with their folds: Melodies or Performances, as its kind says.
        kind: The kind of data.
        repeats: How the repeats of its scores were read.
        origins: Where each of them comes from.
        skipped: What could not be read, and why.
        left_out: Pieces left out by each rule, by the first that applies, and as duplicates; rules that leave out none
            are listed too.
        exclusions: The pieces left out, each with its reason, if their kind of data names them.
        num_files: Files of the corpus.
        num_read: Pieces that were read.
        num_test_pieces: Pieces in the sealed test set.
        num_test_notes: Their notes.
        fingerprint: Of the files' contents, the reader's version, the rules, the folds' number and seed, and which
            files could not be read for a passing reason.
        seed: The folds' seed.
        source: Where all this is stored.
    """

    data: Any
    kind: str
    repeats: Repeats
    origins: tuple[Origin, ...]
    skipped: tuple[Skipped, ...]
    left_out: Mapping[str, int]
    exclusions: tuple[Skipped, ...]
    num_files: int
    num_read: int
    num_test_pieces: int
    num_test_notes: int
    fingerprint: str
    seed: int
    source: Source
