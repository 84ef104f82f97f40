"""The file to which the server of a listening test appends answers."""

import errno
import fcntl
import json
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from data_prep.errors import BadInputError
from tunesmith.listening.answers import Answer, Answers, check, parse, read
from tunesmith.listening.design import ANSWERS, ListeningTest


class AnswerLog:
    """A test's answers, locked by one server for the duration of a ``with`` block.

    A line is written by one call and synchronised to the disk before it counts as stored, so that a killed server loses
    at most the answer that it was about to store, and the page sends that one again.

    Attributes:
        path: The file.
    """

    def __init__(self, test: ListeningTest, folder: Path) -> None:
        """Prepare the log; ``with`` opens it.

        Args:
            test: The test.
            folder: Its folder.
        """
        self._test, self._folder, self.path = test, folder, folder / ANSWERS
        self._answers = Answers()
        self._handle = -1

    def __enter__(self) -> Self:
        """Lock the file, remove a last line that was cut off, and read the rest.

        Returns:
            The log.

        Raises:
            BadInputError: If another server has the file, or it cannot be written or read.
        """
        try:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            rule, got = "the file of answers must be writable", f"{self.path} is not ({error.strerror})"
            raise BadInputError(rule, got) from None
        try:
            self._lock()
            self._drop_rest()
            self._answers = read(self._test, self._folder, [])
        except BaseException:
            os.close(self._handle)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close and unlock the file."""
        os.close(self._handle)

    def begin(self, listener: str) -> int:
        """Return the sheet of a listener; a new one gets the first of those that the fewest listeners have."""
        if listener not in self._answers.sheets:
            used = Counter(self._answers.sheets.values())
            sheet = min(range(len(self._test.sheets)), key=lambda number: used[number])
            self._store({"test": self._test.id, "listener": listener, "sheet": sheet, "begin": True})
        return self._answers.sheets[listener]

    def answered(self, listener: str) -> list[str]:
        """Return the items that a listener has answered."""
        return [answer.item for answer in self._answers.of(listener)]

    def knows(self, listener: str) -> bool:
        """Return whether a listener has begun."""
        return listener in self._answers.sheets

    def record(self, listener: str, value: dict[str, Any]) -> bool:
        """Store an answer.

        Args:
            listener: A listener who has begun.
            value: The item, the answer, and how long the clips were played.

        Returns:
            Whether it was stored; False if this listener has already answered this item.

        Raises:
            ValueError: If it is not an answer to an item of the listener's sheet.
            OSError: If it could not be written.
        """
        fields = {name: value[name] for name in ("item", "answer", "heard") if name in value}
        return self._store(
            {"test": self._test.id, "listener": listener, "sheet": self._answers.sheets[listener], **fields}
        )

    def _store(self, fields: dict[str, Any]) -> bool:
        line = check(self._test, fields)
        if isinstance(line, Answer) and line.place in self._answers.kept:
            return False
        now = datetime.now(UTC).isoformat(timespec="seconds")
        written: dict[str, Any] = {**line.model_dump(mode="json"), "time": now}
        data = json.dumps(written, allow_nan=False).encode() + b"\n"
        self._append(data)
        return self._answers.add(line)

    def _append(self, data: bytes) -> None:
        """Append a line; on an error, the file is unchanged."""
        end = os.fstat(self._handle).st_size
        try:
            written = os.write(self._handle, data)
            os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, end)
            raise
        if written < len(data):
            os.ftruncate(self._handle, end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def _lock(self) -> None:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            rule = "a listening test is served by one server at a time"
            raise BadInputError(rule, f"another one serves {self._folder}", remedy="stop it, or use its page") from None

    def _drop_rest(self) -> None:
        """End a last line that is complete, and remove one that was cut off: its answer was never confirmed."""
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole == len(data):
            return
        try:
            parse(self._test, data[whole:])
        except ValueError:
            os.ftruncate(self._handle, whole)
        else:
            os.write(self._handle, b"\n")
