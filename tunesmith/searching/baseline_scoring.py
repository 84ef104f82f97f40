"""Scoring a family's baselines while a search runs, in another process with the lowest priority.

Scoring can take minutes, so it runs during the trials. The scores are cached for later searches on the same data.
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
"""Niceness of the process; Ray's workers, which run trials, have 15."""


@dataclass
class RemainingWork:
    """An estimate of the remaining work.

    Attributes:
        steps: Number of remaining steps.
        seconds: CPU time at the end of the last step (seconds).
        longest: CPU time of the longest step (seconds).
    """

    steps: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def step(self, seconds: float) -> None:
        """Record the end of a step, after ``seconds`` of CPU time in total."""
        self.steps -= 1
        self.longest, self.seconds = max(self.longest, seconds - self.seconds), seconds

    @property
    def seconds_left(self) -> float:
        """Remaining CPU time (seconds), if each step takes as long as the longest so far."""
        return self.steps * self.longest


class Scoring:
    """The scores of a family's baselines: cached, or computed by another process.

    Attributes:
        reason: Why there are no scores; empty until that is certain.
        interrupted: Whether Ctrl-C ended the wait.
        process: The process; None if the scores are cached, or it has ended.
    """

    def __init__(self, family: str, prepared: "Prepared") -> None:
        """Start the process, unless the scores are cached.

        Args:
            family: The family's name.
            prepared: The data.
        """
        self.reason, self.interrupted = "", False
        self._key = (family, prepared.fingerprint)
        self._scored = baseline_cache.read(*self._key)
        self._work = RemainingWork()
        self.process: subprocess.Popen[bytes] | None = None
        if self._scored is None:
            self._connection, child = Pipe()
            with child:
                self.process = _start(child.fileno())
            self._connection.send((reference_of(family), *self._key, prepared.source.path, prepared.kind))

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the process if it is running."""
        self._end()

    @property
    def seconds_left(self) -> float:
        """Estimate of the remaining CPU time (seconds)."""
        self._catch_up()
        return self._work.seconds_left if self.process is not None else 0.0

    def wait(self, until: float | None) -> Sequence[Baseline] | None:
        """Wait for the scores with a progress bar; Ctrl-C ends the wait.

        Args:
            until: When to give up, by ``time.monotonic``; None is never.

        Returns:
            The baselines, weakest first; None without scores, and ``reason`` says why.
        """
        try:
            self._catch_up()
            with Bar() as bar:
                if self._work.steps and self.process is not None:
                    bar.start(self._work.steps, SCORING)
                self._wait(until, bar)
        except KeyboardInterrupt:
            self.interrupted = True
            self._end("interrupted by Ctrl-C")
        return self._scored

    def _catch_up(self) -> None:
        while self.process is not None and self._connection.poll():
            self._receive()

    def _wait(self, until: float | None, bar: Bar) -> None:
        while self.process is not None:
            if not self._connection.poll(None if until is None else max(0.0, until - time.monotonic())):
                self._end("the search's time is up")
                return
            self._receive(bar)

    def _receive(self, bar: Bar | None = None) -> None:
        """Receive a message of the process: the number of steps, the end of a step, or the end of the process."""
        try:
            message, value = self._connection.recv()
        except (EOFError, OSError):
            self._end("the process that scored them was killed")
            return
        if message == "steps":
            self._work = RemainingWork(value)
            if bar is not None:
                bar.start(value, SCORING)
        elif message == "step":
            self._work.step(value)
            if bar is not None:
                bar.advance()
        else:
            self._scored = baseline_cache.read(*self._key)
            self._end(value)

    def _end(self, reason: str = "") -> None:
        if self.process is None:
            return
        self.reason = reason
        self._connection.close()
        self.process.kill()
        self.process.wait()
        self.process = None


class _SentProgress:
    """Progress that the process sends to its parent."""

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
    """Start a new interpreter; a fork could deadlock on locks of torch's and Ray's threads."""
    serve = f"from {__name__} import {_serve.__name__} as serve; serve({descriptor})"
    code = f"import sys; sys.path[:] = {sys.path!r}; {serve}"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[descriptor],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _serve(descriptor: int) -> None:
    """Score the parent's baselines; if the parent closes the connection, sending the next step ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    os.nice(_NICENESS)
    connection = Connection(descriptor)
    reference, name, fingerprint, path, kind = connection.recv()
    try:
        register(reference)
        _score(name, fingerprint, path, kind, _SentProgress(connection))
    except Exception as error:  # noqa: BLE001  (the parent prints the search's result without baselines)
        connection.send(("end", one_line(error)))
        return
    connection.send(("end", ""))


def _score(name: str, fingerprint: str, path: Path, kind: str, progress: _SentProgress) -> None:
    from data_prep.prepared.kinds import KINDS

    data, _ = from_bytes(path.read_bytes(), str(path), KINDS[kind].form)
    baseline_cache.keep(name, fingerprint, tuple(find_family(name).baselines(data, progress)))
