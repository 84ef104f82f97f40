"""The study's journal file for a single writer, in Optuna's format.

Optuna's own backend locks every append with a lock file, which a killed process leaves behind for half a minute, and
syncs to disk after every hyperparameter of every trial. Here one driver holds the search (see lease.py), so appends
need no lock, and only trial states are synced: kill -9 does not lose the system's buffers.
"""

import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from data_prep.errors import Action, BadInputError, one_line
from data_prep.wording import counted

_MUST_LAST = (0, 2, 6)
"""Operations that are synced to disk: create a study, set its attributes, set a trial's state (Optuna's numbers)."""

_DAMAGES = (AssertionError, AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
"""Errors that Optuna and this package raise for damaged records."""


@contextmanager
def undamaged(where: str) -> Generator[None]:
    """Convert the errors that damaged records raise into BadInputError.

    Args:
        where: Where the study is stored, for the error.

    Yields:
        Nothing.

    Raises:
        BadInputError: If the study is damaged.
    """
    try:
        yield
    except BadInputError:
        raise
    except _DAMAGES as error:
        raise BadInputError(
            "a study must hold what a search wrote",
            f"{where} is damaged",
            f"{type(error).__name__}: {one_line(error)}",
            "restore it from a backup, or start the search under another name",
            Action("rename search"),
        ) from error


class Journal(BaseJournalBackend):
    """A journal that one process may append to while others read it."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        """Open the journal.

        Args:
            path: The file; a writer creates it if necessary, and removes an incomplete last line.
            writable: Whether this process is the writer.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND if writable else os.O_RDONLY
        if writable:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._writable = writable
        self._file = os.open(path, flags, 0o644)
        text = path.read_bytes()
        text = text[: text.rfind(b"\n") + 1]
        if writable:
            os.ftruncate(self._file, len(text))
        self._unread: Sequence[dict[str, Any]] = _records(text, path)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Return the records that were not returned before: the storage reads each once, in order."""
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


def _records(text: bytes, path: Path) -> list[dict[str, Any]]:
    try:
        return json.loads(b"[" + text.replace(b"\n", b",").rstrip(b",") + b"]")
    except (RecursionError, ValueError):
        raise _damaged(text, path) from None


def _damaged(text: bytes, path: Path) -> BadInputError:
    """Return the error with the number of the first line that is not JSON."""
    lines = text.split(b"\n")
    number = next((number for number, line in enumerate(lines, start=1) if not _is_json(line)), len(lines))
    keep = "" if number == 1 else f"keep only its first {counted(number - 1, 'line', ',')} and lose the rest, "
    return BadInputError(
        "a study's journal holds a record in every line",
        f"{path} is damaged in line {number:,}",
        remedy=f"restore it from a backup, {keep}or start the search under another name",
        action=Action("rename search"),
    )


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (RecursionError, ValueError):
        return False
    return True
