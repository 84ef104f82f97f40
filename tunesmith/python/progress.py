"""The progress of a search that is called from Python: nothing, or one line that is rewritten."""

import shutil
import sys
import time
from collections.abc import Mapping

from models.spec import Value
from search.study.states import StateName
from tunesmith.console import log
from tunesmith.figures import duration
from tunesmith.reports.search_display import SearchDisplay

_WIDTH = 120
"""Width of the line where there is no terminal (characters)."""


class LoggedMessages(SearchDisplay):
    """An observer that shows nothing, except that it logs important messages."""

    def message(self, text: str) -> None:
        """Log a message."""
        log(text)


class ProgressLine(LoggedMessages):
    """An observer that shows the state of a search in one line on standard error."""

    def search_started(
        self, *, trials: int, epochs: int, seconds: float | None, finished: Mapping[StateName, int]
    ) -> None:
        """Show the line."""
        super().search_started(trials=trials, epochs=epochs, seconds=seconds, finished=finished)
        self._show()

    def trial_started(self, number: int, values: Mapping[str, Value], confirms: int | None = None) -> None:
        """Count a trial that starts."""
        super().trial_started(number, values, confirms)
        self._show()

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        """Show the best trial so far, and the time."""
        super().epoch(number, epoch, mean, standard_error)
        self._show()

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Count a trial that ended."""
        super().trial_ended(number, state, reason)
        self._show()

    def search_ended(self) -> None:
        """End the line."""
        super().search_ended()
        self._show()
        sys.stderr.write("\n")

    def _show(self) -> None:
        best = f", {self._best_line().plain}" if self._best is not None else ""
        write_line(f"{duration(time.monotonic() - self._began)}, {self._counts().plain.lstrip('━ ')}{best}")


def write_line(text: str) -> None:
    """Write over the current line of standard error."""
    width = shutil.get_terminal_size((_WIDTH, 0)).columns - 1 if sys.stderr.isatty() else _WIDTH
    sys.stderr.write(f"\r{text[:width]:<{width}}")
    sys.stderr.flush()
