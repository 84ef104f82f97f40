"""Reading of files within limits of time, memory and size, in processes that can be killed.

A worker is a new interpreter. A fork would start a hundred times faster, but may deadlock on a lock that another thread
of this process (a progress display, torch, Ray) holds. multiprocessing's spawn would run the user's script again, which
fails if the script has no main guard. A new interpreter takes half a second to start, mostly to import music21, which
this process then need not import. So every file is read in a worker.

The kernel kills a worker at its time limit, because a reader that hangs inside C code does not see an exception.
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
"""Limit of the elapsed time of reading a file, as a multiple of the limit of its processor time."""

_READY = "ready"
_TIME_IS_UP = {-signal.SIGPROF: 1, -signal.SIGALRM: WAIT_FACTOR}
"""Exit statuses of a worker that reached a time limit, and that limit as a multiple of ``Bounds.seconds``."""


@dataclass(frozen=True)
class Failure:
    """A failure to read a file.

    Attributes:
        reason: The reason, in one line.
        passing: Whether reading the file again may succeed, because the cause is not its contents alone: a limit was
            reached, or it could not be opened.
    """

    reason: str
    passing: bool


@dataclass(frozen=True)
class Bounds:
    """Limits of reading one file.

    Attributes:
        seconds: Processor time (seconds), which does not depend on the load of the machine.
        memory: Memory in addition to that of the interpreter (bytes).
        size: Size of the file (bytes).
    """

    seconds: float = 10.0
    memory: int = 2**30
    size: int = MAX_BYTES


BOUNDS = Bounds()
"""The default limits."""


@dataclass(frozen=True)
class FileReader(Generic[Read]):
    """A function that reads files, and its imports.

    Attributes:
        read: Function that reads a file. It and its result must be picklable. An exception becomes a Failure, whose
            reason is the message if it is a ValueError of this package.
        needs: Function that returns the names of the modules to import for a file. These imports do not count towards
            the time and memory of the file.
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
    """Read files in parallel, each within resource limits. No file can prevent the others from being read.

    Args:
        reader: The function that reads a file.
        paths: The files, started in this order.
        processes: Number of parallel processes.
        bounds: Limits for each file.

    Yields:
        (file, result or failure), in the order of completion.

    Raises:
        BadInputError: If a process cannot be started.
    """
    waiting = deque(paths)
    idle: list[_Worker] = []
    busy: dict[Any, _Worker] = {}  # by connection
    try:
        while waiting or busy:
            while waiting and len(busy) < processes:
                path = waiting.popleft()
                if (failure := _too_large(path, bounds)) is not None:
                    yield path, failure
                    continue
                worker = idle.pop() if idle else _Worker()
                worker.begin(reader, path, bounds)
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
            self._process = subprocess.Popen(  # noqa: S603  (the code is our own)
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )

    def begin(self, reader: FileReader[Any], path: Path, bounds: Bounds) -> None:
        self.path, self._seconds = path, bounds.seconds
        with suppress(OSError):  # the worker has ended, which ``answer`` reports
            self.connection.send((reader.read, reader.needs(path), path, bounds))

    def answer(self) -> tuple[bool, Any]:
        """Return whether the file is done, and its result."""
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
        self._process.wait()

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
    """Answer the parent's requests until it closes the connection."""
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


def _answer(read: Callable[[Path], Any], needs: Sequence[str], path: Path, bounds: Bounds) -> tuple[bytes, bool]:
    """Read one file, and return the message to the parent and whether this process can read another file."""
    try:
        signal.setitimer(signal.ITIMER_REAL, WAIT_FACTOR * bounds.seconds)
        for module in needs:
            import_module(module)
    except BaseException as error:  # noqa: BLE001  (a broken installation or too little memory)
        return pickle.dumps((replace(_failure(error), passing=True), False)), False
    try:
        with _limited(bounds):
            return pickle.dumps((read(path), True)), True
    except BaseException as error:  # noqa: BLE001  (a parser may raise anything, SystemExit too)
        usable = not isinstance(error, MemoryError)  # some of the memory may still be in use
        return pickle.dumps((_failure(error), usable)), usable


@contextmanager
def _limited(bounds: Bounds) -> Generator[None]:
    """Limit the time of this process and the memory that it allocates from now on."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    taken = _taken_bytes()
    if taken is not None:
        known = [limit for limit in (taken + bounds.memory, *before) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(known), before[1]))
    signal.setitimer(signal.ITIMER_PROF, bounds.seconds)
    signal.setitimer(signal.ITIMER_REAL, WAIT_FACTOR * bounds.seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _taken_bytes() -> int | None:
    """Return the private memory of this process (bytes), None if the kernel does not report it (macOS)."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    match = re.search(r"^VmData:\s*(\d+) kB", status, re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def _failure(error: BaseException) -> Failure:
    if isinstance(error, MemoryError):
        return Failure("reading it takes more memory than one file may use", passing=True)
    if isinstance(error, OSError):
        return Failure(error.strerror or reason(error), passing=True)
    return Failure(reason(error), passing=False)
