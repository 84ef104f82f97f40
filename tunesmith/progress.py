"""Progress of long work: a bar on a terminal, a line at its beginning and end elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tunesmith.console import err


class Bar:
    """A progress bar for work that is counted: start, advance, finish."""

    def __init__(self) -> None:
        """Prepare the bar; nothing shows before ``start``."""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._task: TaskID | None = None
        self._what = ""
        self._began = 0.0

    def start(self, total: int, what: str) -> None:
        """Begin a piece of work of ``total`` steps."""
        self.finish()
        self._what, self._began = f"{what} ({total})", time.monotonic()
        if not err.is_terminal:
            err.print(f"{self._what} ...")
        self._progress.start()
        self._task = self._progress.add_task(what, total=total)

    def advance(self, n: int = 1) -> None:
        """Count ``n`` more steps as done."""
        if self._task is not None:
            self._progress.advance(self._task, n)

    def finish(self) -> None:
        """End the piece of work and say how long it took."""
        if self._task is None:
            return
        self._progress.remove_task(self._task)
        self._task = None
        self._progress.stop()
        err.print(f"{self._what}: {time.monotonic() - self._began:.1f} s")

    def __enter__(self) -> Self:
        """Give the bar itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the bar, whatever happened."""
        self.finish()
