"""File locks, mainly on a search's folder: one process at a time, across machines.

The filelock library is not enough: on a shared folder without locks (ENOTSUP, ENOLCK) it raises, or creates a lock file
that a killed process leaves behind; and it does not report which process holds a lock.
"""

import errno
import fcntl
import os
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from data_prep.errors import BadInputError
from search.study.lease import Driver, Lease, held, running_already

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
"""Errors of a shared folder without locks, where only the lease's record excludes other drivers."""

_LOOK_S = 0.05
"""Time between attempts to lock a file that another process holds (seconds)."""


class FileLeaseRecord:
    """A lease's record in a file.

    The folder's lock excludes a second writer, even on another machine for most shared folders. For the others, the
    next beat detects a second writer.
    """

    def __init__(self, path: Path) -> None:
        """Initialize with the file, which need not exist."""
        self._path = path

    @property
    def where(self) -> str:
        """The file's path."""
        return str(self._path)

    def read(self) -> str | None:
        """Return the record's text, None if there is none."""
        try:
            return self._path.read_text(encoding="utf-8", errors="replace") or None
        except FileNotFoundError:
            return None

    def replace(self, old: str | None, new: str | None) -> bool:
        """Replace the record's text; see :class:`search.study.lease.LeaseRecord`."""
        if self.read() != old:
            return False
        if new is None:
            self._path.unlink(missing_ok=True)
            return True
        part = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex}")
        try:
            part.write_text(new, encoding="utf-8")
            if old is None:
                self._path.hardlink_to(part)  # of concurrent processes, only one succeeds
            else:
                part.replace(self._path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, *_NO_LOCKS):
                raise
            part.replace(self._path)  # a file system without hard links
        finally:
            part.unlink(missing_ok=True)
        return True


@contextmanager
def exclusive(path: Path, patience_s: float, busy: Callable[[str], BadInputError]) -> Generator[None]:
    """Lock a file for one process at a time; the system releases the lock whenever the process ends.

    Args:
        path: The file, which is created if necessary and never removed.
        patience_s: How long to wait for another process (seconds).
        busy: Returns the error for a lock that another process holds, from a description of the process.

    Yields:
        Nothing.

    Raises:
        BadInputError: If another process still holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        until = time.monotonic() + patience_s
        while not _locked(handle):
            if time.monotonic() >= until:
                raise busy(os.read(handle, 1024).decode(errors="replace").strip() or "process unknown")
            time.sleep(_LOOK_S)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(Driver.this()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def folder_lock(place: Path, name: str) -> AbstractContextManager[None]:
    """Lock a search's folder without waiting.

    Args:
        place: The folder.
        name: The search's name.

    Returns:
        The lock; entering it raises BadInputError if another process holds it.
    """
    return exclusive(place / "driver.lock", 0.0, lambda who: running_already(name, who))


@contextmanager
def driver_lock(place: Path, name: str, say: Callable[[str], None] = lambda _: None) -> Generator[Lease]:
    """Hold a search through a lock and a lease in its folder.

    Args:
        place: The folder.
        name: The search's name.
        say: Called with a message for the user before waiting to see whether a driver on another machine is alive.

    Yields:
        The lease.

    Raises:
        BadInputError: If another process holds it.
    """
    with folder_lock(place, name), held(FileLeaseRecord(place / "driver.json"), name, say) as lease:
        yield lease
