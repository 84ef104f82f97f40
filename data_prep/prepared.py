"""Prepared corpora: the chain from files to melodies runs once for the same inputs; what it came to is kept."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_prep import storage
from data_prep.cache import folder as cache_folder
from data_prep.cache import write
from data_prep.corpus import file_digest, resolve
from data_prep.errors import BadInputError, unknown
from data_prep.melodies import Melodies
from data_prep.progress import Progress, Silent
from data_prep.provenance import Inputs, Origin, Skipped

KINDS = ("melodies",)
"""The kinds of prepared data."""


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
        data: The pieces that a search may see, with their folds.
        origins: Where each of them comes from.
        skipped: What could not be read, and why.
        left_out: Pieces left out by each rule, by the first that applies, and as duplicates; rules that leave out none
            are listed too.
        num_files: Files of the corpus.
        num_read: Pieces that were read.
        num_test_pieces: Pieces in the sealed test set.
        num_test_notes: Their notes.
        fingerprint: Of the files' contents, the reader's version, the rules, the folds' number and seed.
        seed: The folds' seed.
        source: Where all this is stored.
    """

    data: Melodies
    origins: tuple[Origin, ...]
    skipped: tuple[Skipped, ...]
    left_out: Mapping[str, int]
    num_files: int
    num_read: int
    num_test_pieces: int
    num_test_notes: int
    fingerprint: str
    seed: int
    source: Source


def prepare(
    corpus: str,
    *,
    kind: str = "melodies",
    num_folds: int = 4,
    seed: int = 0,
    progress: Progress | None = None,
    cache: Path | None = None,
    processes: int | None = None,
) -> Prepared:
    """Prepare a corpus, from the cache where nothing that it depends on has changed.

    Args:
        corpus: A corpus's name, or a folder.
        kind: The kind of data that a family reads.
        num_folds: Number of folds.
        seed: Of the folds and the test set.
        progress: Told of the reading.
        cache: The cache's folder; the user's own by default (TUNESMITH_CACHE names another).
        processes: How many files are parsed at once; as many as there are cores by default.

    Returns:
        The prepared corpus.

    Raises:
        BadInputError: If the corpus is unknown, empty, unreadable or too small, or the cache cannot be used.
    """
    if kind not in KINDS:
        raise unknown("kind of data", kind, KINDS)
    found = resolve(corpus)
    digests = {path: file_digest(path) for path in found.files()}
    of_corpus = found.fingerprint((found.file_name(path), digest) for path, digest in digests.items())
    inputs = Inputs(digests, of_corpus, kind, num_folds, seed)
    fingerprint = inputs.fingerprint
    folder = cache_folder(cache)
    stored = _load(folder, fingerprint, corpus)
    if stored is not None:
        return stored

    from data_prep.preparation import make  # noqa: PLC0415  (pyarrow is imported only where something must be read)

    made = make(found, inputs, folder, progress or Silent(), processes)
    extra: dict[str, Any] = {
        "origins": [asdict(origin) for origin in made.origins],
        "skipped": [asdict(skipped) for skipped in made.skipped],
        "left_out": dict(made.left_out),
        "num_files": made.num_files,
        "num_read": made.num_read,
        "num_test_pieces": made.sealed_pieces.num_pieces,
        "num_test_notes": made.sealed_pieces.num_notes,
        "seed": seed,
    }
    write(_test_path(folder, fingerprint), storage.to_bytes(made.sealed_pieces, {}))
    write(_path(folder, fingerprint), storage.to_bytes(made.open_pieces, extra))
    prepared = _load(folder, fingerprint, corpus)
    assert prepared is not None, "what was just written can be read"
    return prepared


def open_test_set(prepared: Prepared, reason: str) -> Melodies:
    """Open the sealed pieces. Only a promotion may: every opening is written down beside them.

    Args:
        prepared: The corpus.
        reason: Why they are opened, in words.

    Returns:
        The sealed pieces under the same alphabets as the others; their fold is -1.

    Raises:
        BadInputError: If no reason is given, or the stored test set is gone or damaged.
    """
    if not reason.strip():
        raise BadInputError("the sealed test set is opened for a reason only: say which")
    path = _test_path(prepared.source.path.parent.parent, prepared.fingerprint)
    try:
        melodies, _ = storage.from_bytes(path.read_bytes(), str(path))
    except (OSError, storage.DamagedError) as error:
        raise BadInputError(
            f"the sealed test set must lie beside the prepared pieces, but {path} cannot be read ({error}): "
            "remove the prepared pieces there and prepare the corpus anew"
        ) from error
    line = json.dumps({"opened": datetime.now(UTC).isoformat(timespec="seconds"), "reason": reason})
    with path.with_suffix(".openings").open("a") as log:
        log.write(line + "\n")
    return replace(melodies, corpus=prepared.data.corpus)


def openings_of_test_set(prepared: Prepared) -> tuple[Mapping[str, str], ...]:
    """Give every opening of the test set so far: when ("opened") and why ("reason")."""
    path = _test_path(prepared.source.path.parent.parent, prepared.fingerprint).with_suffix(".openings")
    return tuple(json.loads(line) for line in path.read_text().splitlines()) if path.exists() else ()


def _path(folder: Path, fingerprint: str) -> Path:
    return folder / "prepared" / f"{fingerprint}.npz"


def _test_path(folder: Path, fingerprint: str) -> Path:
    return folder / "prepared" / f"{fingerprint}.test.npz"


def _load(folder: Path, fingerprint: str, corpus: str) -> Prepared | None:
    """Give what is stored, or None where it is not there, or damaged and to be made anew."""
    path = _path(folder, fingerprint)
    if not _test_path(folder, fingerprint).exists():
        return None
    try:
        data = path.read_bytes()
        melodies, extra = storage.from_bytes(data, str(path))
    except (OSError, storage.DamagedError):
        return None
    return Prepared(
        data=replace(melodies, corpus=corpus),
        origins=tuple(Origin(**origin) for origin in extra["origins"]),
        skipped=tuple(Skipped(**skipped) for skipped in extra["skipped"]),
        left_out=extra["left_out"],
        num_files=extra["num_files"],
        num_read=extra["num_read"],
        num_test_pieces=extra["num_test_pieces"],
        num_test_notes=extra["num_test_notes"],
        fingerprint=fingerprint,
        seed=extra["seed"],
        source=Source(path, hashlib.sha256(data).hexdigest()),
    )
