"""A family's baselines scored beside a search: from its beginning, in a process of its own, at the lowest priority.

That can take minutes. What is computed while trials run need not be waited for when they are over. The result is kept,
so that no later search on the same data computes it again.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from data_prep.prepared.file import from_bytes
from models.families import family as find_family
from models.families import reference_of, register
from models.family import SCORING, Baseline
from tunesmith.progress import Bar
from tunesmith.searching import baseline_cache

if TYPE_CHECKING:
    from data_prep.prepared.corpus import Prepared

_NICENESS = 19
"""Trials, which have Ray's 15, go first."""


@dataclass
class Pace:
    """How much computing is left, by what was computed.

    Attributes:
        steps: That are left.
        seconds: Of the processor that were computed until the last of those done.
        longest: Of the processor's seconds that one took.
    """

    steps: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def step(self, seconds: float) -> None:
        """Count a step as done, so many seconds of computing after the beginning."""
        self.steps -= 1
        self.longest, self.seconds = max(self.longest, seconds - self.seconds), seconds

    @property
    def seconds_left(self) -> float:
        """What is left if each step takes as long as the longest so far."""
        return self.steps * self.longest


class Scoring:
    """The baselines of a search's data: those that were kept, or a process that scores them.

    Attributes:
        lack: Why there are no scores; empty while there may be some.
        interrupted: Whether Ctrl-C ended the waiting for them.
        process: What scores them; None where they were kept, or are there, or never will be.
    """

    def __init__(self, family: str, prepared: "Prepared") -> None:
        """Start the process, unless the scores are there.

        Args:
            family: The family's name.
            prepared: The data.
        """
        self.lack, self.interrupted = "", False
        self._of = (family, prepared.fingerprint)
        self._scored = baseline_cache.read(*self._of)
        self._pace = Pace()
        self.process: subprocess.Popen[bytes] | None = None
        if self._scored is None:
            self._connection, theirs = Pipe()
            with theirs:
                self.process = _start(theirs.fileno())
            self._connection.send((reference_of(family), *self._of, prepared.source.path, prepared.kind))

    def __enter__(self) -> Self:
        """Give the scoring itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process, whatever it is at."""
        self._end()

    @property
    def seconds_left(self) -> float:
        """About what is still to be computed."""
        self._catch_up()
        return self._pace.seconds_left if self.process is not None else 0.0

    def wait(self, until: float | None) -> Sequence[Baseline] | None:
        """Wait for the scores, with a progress bar if they are not there yet.

        Args:
            until: The time of ``time.monotonic`` at which to give up; None is never. Ctrl-C gives up too.

        Returns:
            The baselines, weakest first; None if there are none, for the reason in ``lack``.
        """
        try:
            self._catch_up()
            with Bar() as bar:
                if self._pace.steps and self.process is not None:
                    bar.start(self._pace.steps, SCORING)
                self._wait(until, bar)
        except KeyboardInterrupt:
            self.interrupted = True
            self._end("Ctrl-C ended the waiting")
        return self._scored

    def _catch_up(self) -> None:
        while self.process is not None and self._connection.poll():
            self._hear()

    def _wait(self, until: float | None, bar: Bar) -> None:
        while self.process is not None:
            if not self._connection.poll(None if until is None else max(0.0, until - time.monotonic())):
                self._end("the search's time is up")
                return
            self._hear(bar)

    def _hear(self, bar: Bar | None = None) -> None:
        """Take one message of the process: how many steps there are, that one is done, or how it ended."""
        try:
            what, value = self._connection.recv()
        except (EOFError, OSError):
            self._end("the process that scored them was ended")
            return
        if what == "steps":
            self._pace = Pace(value)
            if bar is not None:
                bar.start(value, SCORING)
        elif what == "step":
            self._pace.step(value)
            if bar is not None:
                bar.advance()
        else:
            self._scored = baseline_cache.read(*self._of)
            self._end(value)

    def _end(self, lack: str = "") -> None:
        if self.process is None:
            return
        self.lack = lack
        self._connection.close()
        self.process.kill()
        self.process.wait()
        self.process = None


class _Teller:
    """The process's own progress, which the one that started it is told of."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, total: int, what: str) -> None:
        del what
        self._connection.send(("steps", total))

    def advance(self, n: int = 1) -> None:
        for _ in range(n):
            self._connection.send(("step", time.process_time()))

    def finish(self) -> None:
        pass


def _start(descriptor: int) -> "subprocess.Popen[bytes]":
    """Start a fresh interpreter: a fork may hold locks of torch's and Ray's threads for ever."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import {_serve.__name__} as serve; "
        f"serve({descriptor})"
    )
    return subprocess.Popen(  # noqa: S603  (our own code)
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[descriptor],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _serve(descriptor: int) -> None:
    """Score what the parent asks for; once it has hung up, telling it of the next step ends this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    os.nice(_NICENESS)
    connection = Connection(descriptor)
    reference, name, fingerprint, path, kind = connection.recv()
    try:
        register(reference)
        _score(name, fingerprint, path, kind, _Teller(connection))
    except Exception as error:  # noqa: BLE001  (whatever it is, the parent shows the search's result without them)
        connection.send(("end", (str(error) or type(error).__name__).splitlines()[0]))
        return
    connection.send(("end", ""))


def _score(name: str, fingerprint: str, path: Path, kind: str, progress: _Teller) -> None:
    from data_prep.prepared.kinds import KINDS

    family = find_family(name)
    data, _ = from_bytes(path.read_bytes(), str(path), KINDS[kind].form)
    baseline_cache.keep(name, fingerprint, tuple(family.baselines(data, progress)))
