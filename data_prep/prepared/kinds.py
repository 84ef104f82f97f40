"""The kinds of prepared data: a table of how each is found, fingerprinted, prepared, stored and described."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.corpora.description import Description
from data_prep.corpora.named import Corpus
from data_prep.corpora.provenance import Inputs, Preparation, Prepared
from data_prep.melodies import description as melody_description
from data_prep.melodies import preparation as melody_preparation
from data_prep.melodies.arrays import Melodies
from data_prep.performances import description as performance_description
from data_prep.performances import files as performance_files
from data_prep.performances import preparation as performance_preparation
from data_prep.performances.arrays import Performances
from data_prep.progress import Progress
from data_prep.readers.digest import file_digest


@dataclass(frozen=True)
class DataKind:
    """How a kind of data is prepared.

    Attributes:
        noun: Name of a piece, in the singular.
        form: Class of the data.
        digests: Returns the files of a corpus in order, each with the digest of its reading.
        fingerprint: Returns the fingerprint of a corpus, given these digests.
        make: Prepares the data, given corpus, inputs, cache folder, progress and number of processes.
        describe: Computes statistics of prepared data.
    """

    noun: str
    form: type[Any]
    digests: Callable[[Corpus], dict[Path, str]]
    fingerprint: Callable[[Corpus, Mapping[Path, str]], str]
    make: Callable[[Corpus, Inputs, Path, Progress, int | None], Preparation]
    describe: Callable[[Prepared], Description]


def describe(prepared: Prepared) -> Description:
    """Compute statistics of a prepared corpus of any kind."""
    return KINDS[prepared.kind].describe(prepared)


def _melody_digests(corpus: Corpus) -> dict[Path, str]:
    return {path: file_digest(path, corpus.repeats) for path in corpus.files()}


def _melody_fingerprint(corpus: Corpus, digests: Mapping[Path, str]) -> str:
    return corpus.fingerprint((corpus.rules, corpus.duplicates, corpus.settings), digests)


KINDS: Mapping[str, DataKind] = {
    "melodies": DataKind(
        noun="piece",
        form=Melodies,
        digests=_melody_digests,
        fingerprint=_melody_fingerprint,
        make=melody_preparation.make,
        describe=melody_description.describe,
    ),
    "performances": DataKind(
        noun="performance",
        form=Performances,
        digests=performance_files.digests,
        fingerprint=performance_files.fingerprint,
        make=performance_preparation.make,
        describe=performance_description.describe,
    ),
}
"""Kinds of data by the name that families use."""
