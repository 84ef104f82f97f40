"""The display of a running search: a live panel on a terminal, otherwise one line per event."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from data_prep.wording import counted
from models.metrics import Metric
from models.spec import Value
from search.study.states import FINAL_STATES, StateName
from tunesmith.figures import duration, interval, repeat_text, rounded, settings_line, sparkline, state_word


@dataclass
class _Running:
    values: Mapping[str, Value]
    confirms: int | None = None
    means: list[float] = field(default_factory=list[float])
    error: float = float("nan")
    epoch: int = 0


@dataclass
class _Best:
    number: int
    mean: float
    error: float
    epochs: int


class SearchDisplay:
    """An observer that shows the progress of a search."""

    def __init__(self, console: Console, *, title: str, objective: Metric, defaults: Mapping[str, Value]) -> None:
        """Create the display.

        Args:
            console: Where to draw.
            title: Description of the search and its data.
            objective: The metric to optimise.
            defaults: Settings with these values are not shown.
        """
        self._console = console
        self._title, self._objective, self._defaults = title, objective, defaults
        self._plain = console.quiet or not console.is_terminal
        self._running: dict[int, _Running] = {}
        self._ended: dict[StateName, int] = dict.fromkeys(FINAL_STATES, 0)
        self._best: _Best | None = None
        self._gain = ""
        self._note = "starting workers"
        self._trials, self._epochs, self._deadline = 0, 0, float("inf")
        self._began = time.monotonic()
        self._live: Live | None = None

    def search_started(
        self, *, trials: int, epochs: int, seconds: float | None, finished: Mapping[StateName, int]
    ) -> None:
        """Show the number of trials, the epochs of a full trial, the remaining seconds, and the finished trials."""
        self._trials, self._epochs = trials, epochs
        self._began = time.monotonic()
        self._deadline = self._began + seconds if seconds else float("inf")
        self._ended.update({state: finished.get(state, 0) for state in self._ended})
        if self._plain:
            limit = f", at most {duration(seconds)}" if seconds else ""
            self._console.print(
                f"{self._title}: {counted(trials, 'trial')} of up to {counted(epochs, 'epoch')}{limit}", markup=False
            )
            return
        self._live = Live(self, console=self._console, refresh_per_second=4, transient=True)
        self._live.start()

    def budget_changed(self, *, trials: int, seconds: float | None) -> None:
        """Show another budget."""
        self._trials = trials
        self._deadline = float("inf") if seconds is None else time.monotonic() + seconds

    def best_before(self, number: int, mean: float, standard_error: float) -> None:
        """Show the best full trial of earlier runs."""
        self._best = _Best(number, mean, standard_error, self._epochs)
        if self._plain:
            self._console.print(f"best so far #{number}: {interval(mean, standard_error)} {self._objective.unit}")

    def trial_started(self, number: int, values: Mapping[str, Value], confirms: int | None = None) -> None:
        """Show a trial that starts or resumes."""
        self._running[number] = _Running(values, confirms)
        self._note = "" if confirms is None else "confirming the best trials"
        if self._plain and confirms is not None:
            self._console.print(f"#{number} {repeat_text(confirms)}")

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        """Show a trial's newest epoch."""
        running = self._running.setdefault(number, _Running({}))
        running.epoch, running.error = epoch, standard_error
        running.means.append(mean)
        full = epoch >= self._epochs
        if full and running.confirms is None and (self._best is None or self._objective.better(mean, self._best.mean)):
            self._best = _Best(number, mean, standard_error, epoch)
        if self._plain and epoch == 1:
            self._console.print(f"#{number} first epoch: {interval(mean, standard_error)} {self._objective.unit}")

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Show how a trial ended."""
        running = self._running.pop(number, _Running({}))
        if state in self._ended:
            self._ended[state] += 1
        line = f"#{number} {state_word(state)} after {counted(running.epoch, 'epoch')}"
        if running.means:
            line += f": {interval(running.means[-1], running.error)}"
        if self._best is not None and self._best.number == number:
            line += "  (best so far)"
        if reason:
            line += f"  {reason}"
        if self._plain:
            self._console.print(line, markup=False)
        elif state == "FAIL":
            self.message(line)

    def expected_gain(self, gain: float, standard_error: float) -> None:
        """Show what the next trials are expected to gain."""
        error = f" (standard error of the folds {rounded(standard_error)})" if math.isfinite(standard_error) else ""
        self._gain = f"expected further gain {rounded(gain)} {self._objective.unit}{error}"
        if self._plain:
            self._console.print(self._gain, markup=False)

    def message(self, text: str) -> None:
        """Print a line above the panel."""
        self._console.print(text, markup=False)

    def search_ended(self) -> None:
        """Remove the panel."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __rich__(self) -> RenderableType:
        """Return the current panel."""
        return Group(self._headline(), self._counts(), self._best_line(), *self._gain_line(), self._running_table())

    def _headline(self) -> Text:
        left = self._deadline - time.monotonic()
        clock = f"{duration(max(left, 0))} left" if left < float("inf") else duration(time.monotonic() - self._began)
        return Text.assemble((self._title, "bold"), "   ", (clock, "cyan"), f"   {self._note}")

    def _counts(self) -> Text:
        ended, width = sum(self._ended.values()), 30
        filled = min(width, round(width * ended / max(self._trials, 1)))
        bar = Text.assemble(("━" * filled, "green"), ("━" * (width - filled), "dim"))
        words = [f"{count} {state_word(state)}" for state, count in self._ended.items() if count]
        words.append(f"{len(self._running)} running")
        return Text.assemble(bar, f"  {ended} of {counted(self._trials, 'trial')}: ", ", ".join(words))

    def _best_line(self) -> Text:
        if self._best is None:
            return Text("no trial has trained for its full budget yet", style="dim")
        best = self._best
        return Text.assemble(
            "best so far ",
            (f"#{best.number}  {interval(best.mean, best.error)}", "bold green"),
            f" {self._objective.unit}",
        )

    def _gain_line(self) -> list[Text]:
        return [Text(self._gain, style="dim")] if self._gain else []

    def _running_table(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True)
        for width in (5, 12, 15, max(8, self._epochs)):
            table.add_column(no_wrap=True, min_width=min(width, 30))
        table.add_column(no_wrap=True, style="dim", overflow="ellipsis", ratio=1)
        for number, running in sorted(self._running.items()):
            value = interval(running.means[-1], running.error) if running.means else "first epoch ..."
            settings = settings_line(running.values, self._defaults)
            settings = settings if running.confirms is None else repeat_text(running.confirms)
            progress = f"epoch {running.epoch}/{self._epochs}"
            table.add_row(f"#{number}", progress, value, sparkline(running.means[-30:]), settings)
        return table
