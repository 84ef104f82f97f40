"""Files become readings: each parsed once ever, in parallel, and kept as a note table under its contents' digest."""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from data_prep import cache, note_table, scores
from data_prep.errors import BadInputError
from data_prep.notes import Reading
from data_prep.progress import Progress

WORTH_A_POOL = 150_000
"""Bytes of scores from which on a second process gains more than its start costs (about a second)."""


def read_all(
    files: Mapping[Path, str], folder: Path, progress: Progress, processes: int | None = None
) -> dict[Path, Reading]:
    """Read files, from the cache where they are in it.

    Args:
        files: Each file's digest, which names its entry in the cache.
        folder: The cache's folder.
        progress: Told of each file that has to be parsed.
        processes: How many parse at once; as many as there are cores by default.

    Returns:
        Every file's reading, in the given order.

    Raises:
        BadInputError: If an entry was written by a newer version, or the cache cannot be written.
    """
    found = {path: _from_cache(_entry(folder, digest)) for path, digest in files.items()}
    missing = [path for path, reading in found.items() if reading is None]
    if missing:
        progress.start(len(missing), "reading scores")
        try:
            for path, data in _parse(missing, processes or _num_cores()):
                cache.write(_entry(folder, files[path]), data)
                found[path] = note_table.from_bytes(data, str(path))
                progress.advance(1)
        finally:
            progress.finish()
    return {path: reading for path, reading in found.items() if reading is not None}


def _entry(folder: Path, digest: str) -> Path:
    return folder / "notes" / f"{digest}.arrow"


def _from_cache(path: Path) -> Reading | None:
    """Give an entry, or None where there is none that can be used: a damaged one is read anew and replaced."""
    try:
        return note_table.from_bytes(path.read_bytes(), str(path))
    except BadInputError:
        raise
    except Exception:  # noqa: BLE001  (whatever a damaged file makes of pyarrow)
        return None


def _parse(files: Sequence[Path], processes: int) -> Iterator[tuple[Path, bytes]]:
    sizes = {path: path.stat().st_size if path.exists() else 0 for path in files}
    left = sorted(files, key=lambda path: -sizes[path])  # the longest first, so that the processes end together
    if min(processes, len(left)) > 1 and sum(sizes.values()) >= WORTH_A_POOL:
        pool = ProcessPoolExecutor(min(processes, len(left)), get_context("spawn"), _start_worker)
        try:
            futures = {pool.submit(_parse_one, path): path for path in left}
            for future in as_completed(futures):
                data = future.result()
                left.remove(futures[future])
                yield futures[future], data
        except BrokenProcessPool:
            pass  # a script without a main guard cannot spawn: what is left is read here
        finally:
            pool.shutdown(cancel_futures=True)
    for path in left:
        yield path, _parse_one(path)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer


def _parse_one(path: Path) -> bytes:
    return note_table.to_bytes(scores.read(path))


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
