"""Where prepared pieces come from: the inputs that decide them, each piece's origin, and what could not be read."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PREPARATION = 1
"""Version of everything after reading (rules, kinship, folds, assembly); raised with every change to its results."""


@dataclass(frozen=True)
class Inputs:
    """Everything that decides what is prepared, but for the corpus's rules, which its fingerprint holds.

    Attributes:
        digests: The corpus's files in their order, with the digest of how each is read.
        corpus: The fingerprint of the files and rules; with the seed it decides the folds and the test set.
        kind: The kind of data.
        num_folds: Number of folds.
        seed: Of the folds and the test set.
    """

    digests: Mapping[Path, str]
    corpus: str
    kind: str
    num_folds: int
    seed: int

    @property
    def fingerprint(self) -> str:
        """Fingerprint of all of it, 32 hexadecimal digits."""
        parts = f"{PREPARATION}|{self.corpus}|{self.kind}|{self.num_folds}|{self.seed}"
        return hashlib.sha256(parts.encode()).hexdigest()[:32]


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
    """A file, or a tune of a file, that could not be read.

    Attributes:
        file: Its name, with the tune's number where the rest of the file could be read ("a.abc#12").
        reason: Why, in one line.
    """

    file: str
    reason: str
