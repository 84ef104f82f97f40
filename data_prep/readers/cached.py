"""Readings of files: each file is parsed once, in parallel, within bounds, and kept as a note table by its digest."""

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
"""Bytes of scores above which a second process saves more time than its start takes (about a second)."""


def read_all(
    files: Mapping[Path, str],
    folder: Path,
    progress: Progress,
    processes: int | None = None,
    bounds: Bounds = BOUNDS,
    repeats: Repeats = "written",
) -> dict[Path, Reading]:
    """Read files, or take them from the cache, which holds only what a file's contents decide.

    Args:
        files: Each file's digest for this reading of repeats, which names its entry in the cache.
        folder: The cache's folder.
        progress: Shows each file that has to be parsed.
        processes: How many parse at once; as many as there are cores by default.
        bounds: What each file may take.
        repeats: How repeats are read.

    Returns:
        Every file's reading, in the given order.

    Raises:
        BadInputError: If an entry was written by a newer version, or the cache cannot be written.
    """
    readings = {path: _from_cache(_entry(folder, digest)) for path, digest in files.items()}
    missing = [path for path, reading in readings.items() if reading is None]
    if missing:
        progress.start(len(missing), "reading scores")
        try:
            for path, answer in _parse(missing, processes or _num_cores(), bounds, repeats):
                readings[path] = _kept(path, files[path], answer, folder, repeats)
                progress.advance(1)
        finally:
            progress.finish()
    return {path: reading for path, reading in readings.items() if reading is not None}


def read_file(path: Path, repeats: Repeats = "written") -> Reading:
    """Read one file within bounds, without the cache.

    Args:
        path: A file with one of ``scores.SUFFIXES``.
        repeats: How its repeats are read.

    Returns:
        Its voices, and what of it could not be read.

    Raises:
        BadInputError: If no process can be started to read it.
    """
    answer = read_one(FileReader(partial(scores.read, repeats=repeats), lambda path: (scores.reader(path),)), path)
    return _failed(answer) if isinstance(answer, Failure) else answer


def _kept(path: Path, digest: str, answer: bytes | Failure, folder: Path, repeats: Repeats) -> Reading:
    """Make a reading of a parser's answer, and keep it if the file's contents decide it."""
    reading = _failed(answer) if isinstance(answer, Failure) else note_table.from_bytes(answer, str(path))
    if reading.is_passing:
        return reading
    if file_digest(path, repeats) != digest:
        return _failed(Failure("it was changed while it was read", passing=True))
    cache.write(_entry(folder, digest), note_table.to_bytes(reading) if isinstance(answer, Failure) else answer)
    return reading


def _entry(folder: Path, digest: str) -> Path:
    return folder / "notes" / f"{digest}.arrow"


def _from_cache(path: Path) -> Reading | None:
    """Return an entry, or None if there is none that can be used: a damaged one is read again and replaced."""
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
    worth_it = sum(sizes.values()) >= WORTH_A_POOL
    reader = FileReader(partial(_as_table, repeats=repeats), _needs)
    return read_each(reader, longest_first, processes=processes if worth_it else 1, bounds=bounds)


def _as_table(path: Path, repeats: Repeats) -> bytes:
    return note_table.to_bytes(scores.read(path, repeats))


def _needs(path: Path) -> tuple[str, ...]:
    return scores.reader(path), note_table.LIBRARY


def _failed(failure: Failure) -> Reading:
    return Reading((), (Unread("", failure.reason, failure.passing),))


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
