"""The progress of long tasks: a bar on a terminal, otherwise a line at the start and at the end."""

import time
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tunesmith.console import err


class Bar:
    """A progress bar for a task with a known number of steps."""

    def __init__(self) -> None:
        """Create the bar; :meth:`start` shows it."""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=err.quiet or not err.is_terminal,
        )
        self._task: TaskID | None = None
        self._title = ""
        self._began = 0.0

    def start(self, total: int, what: str) -> None:
        """Start a task of ``total`` steps."""
        self.finish()
        self._title, self._began = f"{what} ({total})", time.monotonic()
        if not err.is_terminal:
            err.print(f"{self._title} ...")
        self._progress.start()
        self._task = self._progress.add_task(what, total=total)

    def advance(self, n: int = 1) -> None:
        """Count ``n`` more steps."""
        if self._task is not None:
            self._progress.advance(self._task, n)

    def finish(self) -> None:
        """Remove the bar and print how long the task took."""
        if self._task is None:
            return
        self._progress.remove_task(self._task)
        self._task = None
        self._progress.stop()
        err.print(f"{self._title}: {time.monotonic() - self._began:.1f} s")

    def __enter__(self) -> Self:
        """Return the bar."""
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the task."""
        self.finish()
