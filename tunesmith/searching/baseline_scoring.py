"""Scoring a family's baselines while a search runs: in another process, at the lowest priority.

It can take minutes, which a user need not wait for when the trials are over. The scores are cached, so that later
searches on the same data do not compute them again.
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

from data_prep.errors import one_line
from data_prep.prepared.file import from_bytes
from models.families import family as find_family
from models.families import reference_of, register
from models.family import SCORING, Baseline
from tunesmith.progress_bar import Bar
from tunesmith.searching import baseline_cache

if TYPE_CHECKING:
    from data_prep.prepared.corpus import Prepared

_NICENESS = 19
"""Lower priority than trials, which have Ray's 15."""


@dataclass
class RemainingWork:
    """An estimate of the remaining work.

    Attributes:
        steps: Remaining steps.
        seconds: CPU seconds until the end of the last step.
        longest: CPU seconds of the longest step.
    """

    steps: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def step(self, seconds: float) -> None:
        """Count a step that ended after ``seconds`` CPU seconds in total."""
        self.steps -= 1
        self.longest, self.seconds = max(self.longest, seconds - self.seconds), seconds

    @property
    def seconds_left(self) -> float:
        """The remaining CPU seconds, if each step takes as long as the longest so far."""
        return self.steps * self.longest


class Scoring:
    """The baselines of a search's data: cached ones, or a process that scores them.

    Attributes:
        lack: Why there are no scores; empty while there may be some.
        interrupted: Whether Ctrl-C ended the wait.
        process: The process that scores them; None where they are cached or done, or where it failed.
    """

    def __init__(self, family: str, prepared: "Prepared") -> None:
        """Start the process, unless the scores are cached.

        Args:
            family: The family's name.
            prepared: The data.
        """
        self.lack, self.interrupted = "", False
        self._of = (family, prepared.fingerprint)
        self._scored = baseline_cache.read(*self._of)
        self._pace = RemainingWork()
        self.process: subprocess.Popen[bytes] | None = None
        if self._scored is None:
            self._connection, theirs = Pipe()
            with theirs:
                self.process = _start(theirs.fileno())
            self._connection.send((reference_of(family), *self._of, prepared.source.path, prepared.kind))

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill the process, if it runs."""
        self._end()

    @property
    def seconds_left(self) -> float:
        """Roughly the remaining CPU seconds."""
        self._catch_up()
        return self._pace.seconds_left if self.process is not None else 0.0

    def wait(self, until: float | None) -> Sequence[Baseline] | None:
        """Wait for the scores, with a progress bar; Ctrl-C ends the wait.

        Args:
            until: The time of ``time.monotonic`` at which to give up; None is never.

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
            self._end("interrupted by Ctrl-C")
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
        """Receive one message of the process: its number of steps, the end of a step, or how it ended."""
        try:
            what, value = self._connection.recv()
        except (EOFError, OSError):
            self._end("the process that scored them was killed")
            return
        if what == "steps":
            self._pace = RemainingWork(value)
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


class _SentProgress:
    """The process's progress, sent to its parent."""

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
    """Start a fresh interpreter: a fork may hold locks of torch's and Ray's threads forever."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import {_serve.__name__} as serve; "
        f"serve({descriptor})"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[descriptor],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _serve(descriptor: int) -> None:
    """Score what the parent asks for; once it has closed the connection, sending the next step ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    os.nice(_NICENESS)
    connection = Connection(descriptor)
    reference, name, fingerprint, path, kind = connection.recv()
    try:
        register(reference)
        _score(name, fingerprint, path, kind, _SentProgress(connection))
    except Exception as error:  # noqa: BLE001  (the parent shows the search's result without baselines)
        connection.send(("end", one_line(error)))
        return
    connection.send(("end", ""))


def _score(name: str, fingerprint: str, path: Path, kind: str, progress: _SentProgress) -> None:
    from data_prep.prepared.kinds import KINDS

    family = find_family(name)
    data, _ = from_bytes(path.read_bytes(), str(path), KINDS[kind].form)
    baseline_cache.keep(name, fingerprint, tuple(family.baselines(data, progress)))
