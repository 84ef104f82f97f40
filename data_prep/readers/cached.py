"""Cached readings of files: each file is parsed once, within bounds, and stored as a note table under its digest."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from data_prep.errors import BadInputError
from data_prep.progress import Progress
from data_prep.readers import note_table, scores
from data_prep.readers.bounded import BOUNDS, Bounds, Failure, FileReader, read_each, read_one
from data_prep.readers.digest import file_digest
from data_prep.readers.notes import Reading, Repeats, Unread
from data_prep.storage import cache

WORTH_A_POOL = 150_000
"""Total size of files (bytes) from which a second process saves more time than its start takes (about a second)."""


def read_all(
    files: Mapping[Path, str],
    folder: Path,
    progress: Progress,
    processes: int | None = None,
    bounds: Bounds = BOUNDS,
    repeats: Repeats = "written",
) -> dict[Path, Reading]:
    """Read files from the cache, and parse and cache those that are missing.

    Failures are cached only if they depend on nothing but the contents of the file.

    Args:
        files: Digest of each file for this reading of repeats, which names its entry in the cache.
        folder: Folder of the cache.
        progress: Display of the files that are parsed.
        processes: Number of parallel processes, by default the number of cores.
        bounds: Limits of reading one file.
        repeats: How to read repeats.

    Returns:
        The reading of each file, in the given order.

    Raises:
        BadInputError: If an entry was written by a newer version, or the cache cannot be written.
    """
    entries = {path: folder / "notes" / f"{digest}.arrow" for path, digest in files.items()}
    readings = {path: _from_cache(entry) for path, entry in entries.items()}
    missing = [path for path, reading in readings.items() if reading is None]
    if missing:
        progress.start(len(missing), "reading scores")
        try:
            for path, answer in _parse(missing, processes or _num_cores(), bounds, repeats):
                readings[path] = _store(path, files[path], entries[path], answer, repeats)
                progress.advance(1)
        finally:
            progress.finish()
    return {path: reading for path, reading in readings.items() if reading is not None}


def read_file(path: Path, repeats: Repeats = "written") -> Reading:
    """Read one file within bounds, without the cache.

    Args:
        path: A file with one of ``scores.SUFFIXES``.
        repeats: How to read repeats.

    Returns:
        The voices, and the tunes that could not be read.

    Raises:
        BadInputError: If no process can be started.
    """
    answer = read_one(FileReader(partial(scores.read, repeats=repeats), lambda path: (scores.reader(path),)), path)
    return _failed(answer) if isinstance(answer, Failure) else answer


def _store(path: Path, digest: str, entry: Path, answer: bytes | Failure, repeats: Repeats) -> Reading:
    """Convert a parser's answer to a reading, and cache it if it depends on nothing but the contents of the file."""
    reading = _failed(answer) if isinstance(answer, Failure) else note_table.from_bytes(answer, str(path))
    if reading.is_passing:
        return reading
    if file_digest(path, repeats) != digest:
        return _failed(Failure("it was changed while it was read", passing=True))
    cache.write(entry, note_table.to_bytes(reading) if isinstance(answer, Failure) else answer)
    return reading


def _from_cache(path: Path) -> Reading | None:
    """Return an entry, None if it is missing or damaged."""
    try:
        return note_table.from_bytes(path.read_bytes(), str(path))
    except BadInputError:
        raise
    except Exception:  # noqa: BLE001  (pyarrow may raise anything on a damaged file)
        return None


def _parse(
    files: Sequence[Path], processes: int, bounds: Bounds, repeats: Repeats
) -> Iterator[tuple[Path, bytes | Failure]]:
    sizes = {path: path.stat().st_size if path.exists() else 0 for path in files}
    longest_first = sorted(files, key=lambda path: -sizes[path])  # so that all processes end at about the same time
    reader = FileReader(partial(_as_table, repeats=repeats), lambda path: (scores.reader(path), note_table.LIBRARY))
    processes = processes if sum(sizes.values()) >= WORTH_A_POOL else 1
    return read_each(reader, longest_first, processes=processes, bounds=bounds)


def _as_table(path: Path, repeats: Repeats) -> bytes:
    return note_table.to_bytes(scores.read(path, repeats))


def _failed(failure: Failure) -> Reading:
    return Reading((), (Unread("", failure.reason, failure.passing),))


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
