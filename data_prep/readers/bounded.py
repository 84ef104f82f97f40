"""Readers run within bounds of time, memory and size, in processes that can be killed.

A worker is a fresh interpreter. A fork of this process would start in a hundredth of the time, but a thread of it (a
progress display, torch, Ray) may hold a lock that the fork never sees released; and multiprocessing's spawn runs the
user's script again, which one without a main guard does not survive. A fresh one costs half a second, most of it the
import of music21, which this process then avoids. So every file is read in a worker, however harmless it looks.

The kernel kills a worker at its time limit: a reader that hangs inside C code would not see an exception.
"""

import os
import pickle
import re
import resource
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, Generic, TypeVar

from data_prep.errors import BadInputError
from data_prep.limits import MAX_BYTES
from data_prep.readers.notes import reason

Read = TypeVar("Read")

WAIT_FACTOR = 6
"""How many times its time limit a file may take if its reader waits instead of computing."""

_READY = "ready"
_MEBIBYTE = 2**20
_TIME_IS_UP = {-signal.SIGPROF: 1, -signal.SIGALRM: WAIT_FACTOR}
"""Exit statuses of a worker that reached its time limit, and how many times the limit each stands for."""


@dataclass(frozen=True)
class Failure:
    """A file was not read.

    Attributes:
        reason: Why, in one line.
        passing: The file's contents do not decide it (a limit was reached, a file could not be opened), so that it may
            be readable another time.
    """

    reason: str
    passing: bool


@dataclass(frozen=True)
class Bounds:
    """What reading one file may take. Time is processor time, so that a busy machine reads the same.

    Attributes:
        seconds: Of computing.
        memory: Bytes above what the interpreter takes.
        size: Bytes of the file.
    """

    seconds: float = 10.0
    memory: int = 1024 * _MEBIBYTE
    size: int = MAX_BYTES


BOUNDS = Bounds()
"""What reading one file may take unless a caller says otherwise."""


@dataclass(frozen=True)
class FileReader(Generic[Read]):
    """How files are read.

    Attributes:
        read: Reads one. It is pickled, so a function at the top of a module or a partial one, as is its result. What it
            raises becomes a failure: a ValueError with its message.
        needs: The modules that it imports for a file; this takes none of the file's own time and memory.
    """

    read: Callable[[Path], Read]
    needs: Callable[[Path], Sequence[str]]


def read_one(reader: FileReader[Read], path: Path, bounds: Bounds = BOUNDS) -> Read | Failure:
    """Read one file; see ``read_each``."""
    ((_, answer),) = read_each(reader, [path], bounds=bounds)
    return answer


def read_each(
    reader: FileReader[Read], paths: Iterable[Path], *, processes: int = 1, bounds: Bounds = BOUNDS
) -> Generator[tuple[Path, Read | Failure]]:
    """Read files, each within bounds. No file can prevent the others from being read.

    Args:
        reader: How files are read.
        paths: The files, begun in this order.
        processes: How many are read at once.
        bounds: What each may take.

    Yields:
        (file, what was read or why not), in the order in which they are done.

    Raises:
        BadInputError: If a process cannot be started.
    """
    waiting = deque(paths)
    idle: list[_Worker] = []
    busy: dict[Any, _Worker] = {}  # by its connection
    try:
        while waiting or busy:
            while waiting and len(busy) < processes:
                path = waiting.popleft()
                if (failure := _too_large(path, bounds)) is not None:
                    yield path, failure
                    continue
                worker = idle.pop() if idle else _Worker()
                worker.begin(reader, path, bounds.seconds, bounds.memory)
                busy[worker.connection] = worker
            for connection in wait(list(busy)) if busy else ():
                worker = busy[connection]
                answered, answer = worker.answer()
                if answered:
                    del busy[worker.connection]
                    idle += [worker] if worker.is_alive else []
                    yield worker.path, answer
    finally:
        for worker in (*idle, *busy.values()):
            worker.end()


def _too_large(path: Path, bounds: Bounds) -> Failure | None:
    try:
        size = path.stat().st_size
    except OSError as error:
        return _failure(error)
    if size > bounds.size:
        return Failure(f"files of at most {bounds.size / 1e6:g} MB are read: it has {size / 1e6:.1f} MB", passing=False)
    return None


class _Worker:
    """A process that reads one file after another."""

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        self.is_alive = True
        self.path = Path()
        self._is_ready = False
        self._seconds = 0.0
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import {_serve.__name__} as serve; "
            f"serve({theirs.fileno()})"
        )
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (our own code)
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )

    def begin(self, reader: FileReader[Any], path: Path, seconds: float, memory: int) -> None:
        self.path, self._seconds = path, seconds
        with suppress(OSError):  # the worker has ended, which ``answer`` reports
            self.connection.send((reader.read, reader.needs(path), path, seconds, memory))

    def answer(self) -> tuple[bool, Any]:
        """Return whether the file is done, and the result."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            self.end()
            return True, self._why_it_ended()
        if message == _READY:
            self._is_ready = True
            return False, None
        answer, self.is_alive = message
        if not self.is_alive:
            self.end()
        return True, answer

    def end(self) -> None:
        self.is_alive = False
        self.connection.close()
        self._process.kill()
        with self._process:  # waits
            pass

    def _why_it_ended(self) -> Failure:
        status = self._process.returncode
        name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        if not self._is_ready:
            raise BadInputError(
                "files are read in a separate process",
                f"none can be started ({name})",
                remedy=f"check that {sys.executable} runs here, and that memory is left",
            )
        if status in _TIME_IS_UP:
            seconds = self._seconds * _TIME_IS_UP[status]
            return Failure(f"reading it takes more than {seconds:.3g} s", passing=True)
        return Failure(f"the process that read it was ended ({name})", passing=True)


def _serve(descriptor: int) -> None:
    """Serve the parent's requests until it closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGPROF, signal.SIGALRM))
    connection = Connection(descriptor)
    connection.send(_READY)
    is_alive = True
    while is_alive:
        try:
            request = connection.recv()
        except EOFError:
            return
        answer, is_alive = _answer(*request)
        connection.send_bytes(answer)


def _answer(
    read: Callable[[Path], Any], needs: Sequence[str], path: Path, seconds: float, memory: int
) -> tuple[bytes, bool]:
    """Read one file; return what the parent is sent, and whether this process can read another file."""
    try:
        signal.setitimer(signal.ITIMER_REAL, WAIT_FACTOR * seconds)
        for module in needs:
            import_module(module)
    except BaseException as error:  # noqa: BLE001  (a broken installation, or too little memory: no fault of the file)
        return pickle.dumps((replace(_failure(error), passing=True), False)), False
    try:
        with _bounds(seconds, memory):
            return pickle.dumps((read(path), True)), True
    except BaseException as error:  # noqa: BLE001  (a parser may raise anything, SystemExit too)
        usable = not isinstance(error, MemoryError)  # otherwise its memory may still be in use
        return pickle.dumps((_failure(error), usable)), usable


@contextmanager
def _bounds(seconds: float, memory: int) -> Generator[None]:
    """Limit, in the kernel, the time of this process and the bytes that it allocates beyond what it has."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    taken = _taken_bytes()
    if taken is not None:
        known = [limit for limit in (taken + memory, *before) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(known), before[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WAIT_FACTOR * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _taken_bytes() -> int | None:
    """Return the private memory of this process, None where the kernel does not report it (macOS)."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    match = re.search(r"^VmData:\s*(\d+) kB", status, re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def _failure(error: BaseException) -> Failure:
    if isinstance(error, MemoryError):
        return Failure("reading it takes more memory than there is for one file", passing=True)
    if isinstance(error, OSError):
        return Failure(error.strerror or reason(error), passing=True)
    return Failure(reason(error), passing=False)
