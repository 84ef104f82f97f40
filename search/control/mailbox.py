"""The folder of requests to a running search: files that appear and vanish as a whole.

NAME.json is a request. The driver claims it by renaming it to NAME.claimed, carries it out, writes NAME.answer and
removes the claim. A process can withdraw its request by removing NAME.json, which succeeds only if it was not claimed.
A claim without an answer was left by a driver that was killed: the next driver carries it out again, and every request
can be repeated without harm. So a request is carried out as a whole or not at all.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from data_prep.storage.atomic_write import atomic_write
from search.control.letters import Letter, read, remove
from search.control.requests import Answer, Request

_NEW, _CLAIMED, _ANSWER = ".json", ".claimed", ".answer"
_OLD_S = 60.0
"""Age at which an answer that nobody has read is removed (seconds)."""


class Mailbox:
    """The requests to one search."""

    def __init__(self, search_folder: Path) -> None:
        """Initialize with the search's folder; the folder of requests need not exist."""
        self.folder = search_folder / "requests"

    def post(self, request: Request) -> str:
        """Write a request and return its name."""
        self.folder.mkdir(exist_ok=True)
        name = uuid.uuid4().hex
        atomic_write(self._path(name, _NEW), request.model_dump_json().encode())
        return name

    def withdraw(self, name: str) -> bool:
        """Remove a request; return False if the driver has claimed it."""
        try:
            self._path(name, _NEW).unlink()
        except FileNotFoundError:
            return False
        return True

    def is_claimed(self, name: str) -> bool:
        """Return whether the driver has claimed a request and not answered it."""
        return self._path(name, _CLAIMED).exists()

    def collect(self, name: str) -> Answer | None:
        """Read and remove the answer to a request; None if there is none yet."""
        path = self._path(name, _ANSWER)
        try:
            answer = Answer.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        path.unlink(missing_ok=True)
        return answer

    def claim(self) -> Iterator[Letter]:
        """Claim and yield the requests, the oldest first, and then files that are none, which are removed."""
        for path in self._files():
            if path.suffix == _NEW:
                claimed = path.with_suffix(_CLAIMED)
                try:
                    path.rename(claimed)
                except FileNotFoundError:  # it was withdrawn
                    continue
            elif path.suffix == _CLAIMED:
                claimed = path
            else:
                continue
            letter = read(claimed)
            if letter.request is None:
                remove(claimed)
            yield letter

    def answer(self, name: str, answer: Answer) -> None:
        """Write the answer to a claimed request, and remove the claim."""
        atomic_write(self._path(name, _ANSWER), answer.model_dump_json().encode())
        self._path(name, _CLAIMED).unlink(missing_ok=True)

    def tidy(self) -> list[str]:
        """Remove what belongs to no request, and answers that nobody read; return the names of the former."""
        foreign: list[str] = []
        for path in self._files():
            if path.suffix == _ANSWER:
                with suppress(OSError):
                    if time.time() - path.stat().st_mtime > _OLD_S:
                        path.unlink()
            elif path.suffix not in {_NEW, _CLAIMED}:
                remove(path)
                foreign.append(path.name)
        return foreign

    def _files(self) -> list[Path]:
        """Return the files by age, except those that are being written, which are hidden."""
        found: list[tuple[int, str, Path]] = []
        with suppress(FileNotFoundError, NotADirectoryError):
            for path in self.folder.iterdir():
                with suppress(FileNotFoundError):
                    if not path.name.startswith("."):
                        found.append((path.lstat().st_mtime_ns, path.name, path))
        return [path for _, _, path in sorted(found)]

    def _path(self, name: str, suffix: str) -> Path:
        return self.folder / f"{name}{suffix}"
