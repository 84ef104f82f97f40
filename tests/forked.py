"""Programs in processes of their own that begin at once: forked from one that has imported the large libraries.

Importing torch, Ray and MLflow takes longer than most of what the tests have them do. Folder, environment, streams,
signals and exit status are those of any process; what a program starts itself is not forked.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from search.tracking.client import quieten
from tests.ray_cluster import ENVIRONMENT

_LIBRARIES = ("torch", "ray.tune", "optuna", "mlflow", "sqlalchemy", "alembic.command", "pyarrow.fs", "typer")

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([*_LIBRARIES])


def _kill_what_is_left() -> None:
    """Kill what multiprocessing would wait for in the end."""
    for process in _processes.active_children():
        process.kill()


atexit.register(_kill_what_is_left)


def _ready() -> None:
    """Have the libraries imported, with the environment that they read then."""
    quieten()
    before = {**os.environ}
    os.environ.update(ENVIRONMENT)
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass(frozen=True)
class _Start:
    """What the new process does first.

    Attributes:
        arguments: Of the program.
        script: Its file; None is tunesmith's command line.
        folder: Where it runs.
        environment: All of it.
        out: The connection that takes its standard output.
        errors: The file of its standard error, which is appended to.
    """

    arguments: Sequence[str]
    script: Path | None
    folder: Path
    environment: Mapping[str, str]
    out: Any
    errors: Path

    def __call__(self) -> None:
        with self.errors.open("ab") as errors:
            os.dup2(errors.fileno(), 2)
        os.dup2(self.out.fileno(), 1)
        self.out.close()
        # Streams know of what they were opened on whether it can seek, so these are opened anew.
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  (a descriptor, not a path)
        sys.stderr = open(2, "w", 1, encoding="utf-8", closefd=False)  # noqa: SIM115  (as above)
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        sys.path[:0] = filter(None, self.environment.get("PYTHONPATH", "").split(os.pathsep))
        try:
            self._run()
        finally:
            atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]  (multiprocessing ends without them)

    def _run(self) -> None:
        if self.script:
            sys.argv = [str(self.script), *self.arguments]
            runpy.run_path(str(self.script), run_name="__main__")
        else:
            from tunesmith.cli import main

            sys.argv = ["tunesmith", *self.arguments]
            main()


def _empty_file() -> Path:
    handle, name = tempfile.mkstemp()
    os.close(handle)
    atexit.register(os.unlink, name)
    return Path(name)


class Program:
    """A running program, with what :class:`subprocess.Popen` has of use to tests.

    Attributes:
        stdout: What it prints, as it prints it.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        script: Path | None = None,
        errors: Path | None = None,
    ) -> None:
        """Start it.

        Args:
            arguments: Its arguments.
            folder: Where it runs.
            environment: All of its environment, but for what Ray read when it was imported.
            script: A file of Python; None is tunesmith's command line.
            errors: A file that what it tells on standard error is appended to; None is one of its own.
        """
        _ready()
        self._errors = errors or _empty_file()
        reading, writing = _processes.Pipe(duplex=False)
        start = _Start(arguments, script, folder, {**environment, **ENVIRONMENT}, writing, self._errors)
        self._process = _processes.Process(target=start)
        self._process.start()
        writing.close()
        self.stdout: IO[str] = os.fdopen(os.dup(reading.fileno()), encoding="utf-8")
        reading.close()
        weakref.finalize(self, self.stdout.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind:
            self.kill()
        self.wait()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative if a signal ended it; None while it runs."""
        return self._process.exitcode

    @property
    def errors(self) -> str:
        """What it told on standard error so far."""
        return self._errors.read_text(encoding="utf-8")

    def poll(self) -> int | None:
        """Give its exit status; None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and give its exit status."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("program", timeout or 0.0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end, and give the rest of what it printed and told."""
        printed: list[str] = []
        reader = threading.Thread(target=lambda: printed.append(self.stdout.read()), daemon=True)
        reader.start()
        self.wait(timeout)
        reader.join(timeout)
        return "".join(printed), self.errors
