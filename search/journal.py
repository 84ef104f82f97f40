"""The study's journal file for a single writer, in Optuna's format.

Optuna's own backend guards every append with a lock file, which a killed process leaves behind for half a minute, and
waits for the disk at every setting of every trial. Here one driver holds the whole search (see study.py), so appends
need no lock, and only the states of trials wait for the disk: what kill -9 leaves in the system's buffers is not lost.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from search.replay import folded

_MUST_LAST = (0, 2, 6)
"""Operations that wait for the disk: a study made, its attributes set, a trial's state set (Optuna's numbers)."""


class Journal(BaseJournalBackend):
    """A journal that one process may append to while others read it."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        """Open the journal.

        Args:
            path: The file; a writer makes it if need be, and takes away a last line that a crash cut off.
            writable: Whether this process is the writer.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND if writable else os.O_RDONLY
        if writable:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._writable = writable
        self._file = os.open(path, flags, 0o644)
        whole = path.read_bytes()
        whole = whole[: whole.rfind(b"\n") + 1]
        if writable:
            os.ftruncate(self._file, len(whole))
        self._unread: Sequence[dict[str, Any]] = folded(
            json.loads(b"[" + whole.replace(b"\n", b",").rstrip(b",") + b"]")
        )

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Give the records that were not given before; the storage asks for each once, in order."""
        del log_number_from
        unread, self._unread = self._unread, []
        return iter(unread)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records, all or none.

        Args:
            logs: The records.

        Raises:
            OSError: If the disk is full, among others.
        """
        assert self._writable
        lines = [json.dumps(log, separators=(",", ":")).encode() for log in logs]
        block = b"\n".join(lines) + b"\n"
        end = os.fstat(self._file).st_size
        try:
            while block:
                block = block[os.write(self._file, block) :]
            if any(log["op_code"] in _MUST_LAST for log in logs):
                os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, end)
            raise
        self._unread = [*self._unread, *map(json.loads, lines)]

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
