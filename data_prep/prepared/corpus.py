"""Prepare corpora: files are converted into data once for the same inputs, and the result is cached."""

import hashlib
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_prep.corpora.folds import UNFOLDED, check_num_folds
from data_prep.corpora.named import Corpus, corpora, resolve
from data_prep.corpora.provenance import Inputs, Origin, Prepared, Skipped, Source
from data_prep.errors import BadInputError, one_line, unknown
from data_prep.prepared import file as storage
from data_prep.prepared.kinds import KINDS
from data_prep.progress import Progress, Silent
from data_prep.storage.cache import folder as cache_folder
from data_prep.storage.cache import write


def prepare(  # noqa: PLR0913  (each has a default)
    corpus: str,
    *,
    kind: str = "melodies",
    repeats: str = "written",
    num_folds: int | None = 4,
    holdout: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
    cache: Path | None = None,
    processes: int | None = None,
) -> Prepared:
    """Prepare a corpus, or read it from the cache if nothing that it depends on has changed.

    Args:
        corpus: Name of a corpus, or a folder.
        kind: The kind of data that a family reads.
        repeats: How repeats in scores are read: "written" reads each section once, "played" as often as it is played.
        num_folds: Number of folds; None for pieces that are only scored, which are all in one fold, with no test set.
        holdout: Whether to hold out only the first fold, and to train on the others.
        seed: Seed of the folds and the test set.
        progress: Display for the progress of reading.
        cache: Cache folder; by default the user's (TUNESMITH_CACHE names another).
        processes: Number of processes that parse files; by default the number of cores.

    Returns:
        The prepared corpus.

    Raises:
        BadInputError: If the corpus is unknown, of another kind, empty, unreadable or too small, or the cache cannot be
            used.
    """
    if num_folds is not None:
        check_num_folds(num_folds)
    if kind not in KINDS:
        raise unknown("kind of data", kind, KINDS)
    resolved = resolve(corpus, repeats)
    if resolved.kind not in (None, kind):
        fitting = ", ".join(name for name, named in corpora().items() if named.kind == kind)
        raise BadInputError(
            f"{kind} are needed", f"the corpus {corpus!r} has {resolved.kind}", remedy=f"use a folder, or {fitting}"
        )
    digests = KINDS[kind].digests(resolved)
    inputs = Inputs(digests, KINDS[kind].fingerprint(resolved, digests), kind, num_folds or UNFOLDED, seed, holdout)
    folder = cache_folder(cache)
    stored = _load(folder, inputs.fingerprint, resolved, kind)
    if stored is not None:
        return stored
    preparation = KINDS[kind].make(resolved, inputs, folder, progress or Silent(), processes)
    fingerprint = preparation.open_pieces.fingerprint  # differs from that of the inputs if a file could not be read
    extra: dict[str, Any] = {
        "origins": [asdict(origin) for origin in preparation.origins],
        "skipped": [asdict(skipped) for skipped in preparation.skipped],
        "left_out": dict(preparation.left_out),
        **({"exclusions": [asdict(excluded) for excluded in preparation.exclusions]} if preparation.exclusions else {}),
        "num_files": preparation.num_files,
        "num_read": preparation.num_read,
        "num_test_pieces": preparation.sealed_pieces.num_pieces,
        "num_test_notes": preparation.sealed_pieces.num_notes,
        "seed": seed,
    }
    write(_test_path(folder, fingerprint), storage.to_bytes(preparation.sealed_pieces, {}))
    write(_path(folder, fingerprint), storage.to_bytes(preparation.open_pieces, extra))
    prepared = _load(folder, fingerprint, resolved, kind)
    assert prepared is not None, "what was just written can be read"
    return prepared


def open_test_set(prepared: Prepared, reason: str) -> Any:
    """Open the test set. Only a promotion calls this; every opening is logged in a file next to the test set.

    Args:
        prepared: The corpus.
        reason: Why the test set is opened.

    Returns:
        The pieces of the test set, of the same kind and under the same alphabets as the others; their fold is -1.

    Raises:
        BadInputError: If no reason is given, or the stored test set is missing or damaged.
    """
    if not reason.strip():
        raise BadInputError("the sealed test set is opened only for a reason", "got none")
    path = _test_path(prepared.source.path.parent.parent, prepared.fingerprint)
    try:
        sealed, _ = storage.from_bytes(path.read_bytes(), str(path), KINDS[prepared.kind].form)
    except (OSError, storage.DamagedError) as error:
        raise BadInputError(
            "the sealed test set must be stored next to the prepared pieces",
            f"{path} cannot be read ({one_line(error)})",
            remedy="remove the prepared pieces there and prepare the corpus again",
        ) from error
    line = json.dumps({"opened": datetime.now(UTC).isoformat(timespec="seconds"), "reason": reason})
    with path.with_suffix(".openings").open("a") as log:
        log.write(line + "\n")
    return replace(sealed, corpus=prepared.data.corpus)


def _path(folder: Path, fingerprint: str) -> Path:
    return folder / "prepared" / f"{fingerprint}.npz"


def _test_path(folder: Path, fingerprint: str) -> Path:
    return folder / "prepared" / f"{fingerprint}.test.npz"


def _load(folder: Path, fingerprint: str, corpus: Corpus, kind: str) -> Prepared | None:
    """Return the stored corpus, or None if it is missing or damaged and must be prepared again."""
    path = _path(folder, fingerprint)
    if not _test_path(folder, fingerprint).exists():
        return None
    try:
        data = path.read_bytes()
        pieces, extra = storage.from_bytes(data, str(path), KINDS[kind].form)
    except (OSError, storage.DamagedError):
        return None
    return Prepared(
        data=replace(pieces, corpus=corpus.name),
        kind=kind,
        repeats=corpus.repeats,
        origins=tuple(Origin(**origin) for origin in extra["origins"]),
        skipped=tuple(Skipped(**skipped) for skipped in extra["skipped"]),
        left_out=extra["left_out"],
        exclusions=tuple(Skipped(**excluded) for excluded in extra.get("exclusions", [])),
        num_files=extra["num_files"],
        num_read=extra["num_read"],
        num_test_pieces=extra["num_test_pieces"],
        num_test_notes=extra["num_test_notes"],
        fingerprint=fingerprint,
        seed=extra["seed"],
        source=Source(path, hashlib.sha256(data).hexdigest()),
    )
