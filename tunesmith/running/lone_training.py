"""Training one trial on this machine without Ray: its display, its run in MLflow, and its kept model."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from data_prep.errors import one_line
from data_prep.prepared.corpus import Prepared
from data_prep.wording import counted
from models.family import EpochReport, Family
from models.spec import Spec
from models.training.device import best_device
from search.tracking.lone_run import LoneRun, LoneTrial, lone_note
from tunesmith.console import err, out, print_json, warn
from tunesmith.figures import duration, sparkline, with_error
from tunesmith.names import kept
from tunesmith.names.use import use_command
from tunesmith.program import command
from tunesmith.running.single_trial import SingleTrial, as_data, train, trial_data


@dataclass(frozen=True)
class LoneTraining:
    """A trial without a search, as a command trains it.

    Attributes:
        trial: The trial.
        keep: The name of the kept model, None to keep none.
        home: The home folder.
    """

    trial: SingleTrial
    keep: str | None
    home: Path

    def train(self, store: str | None, threads: int, *, as_json: bool) -> None:
        """Train it, and print every epoch and the result.

        Args:
            store: The URI of MLflow's store; None to log nothing.
            threads: CPU threads.
            as_json: Whether to print the result as JSON.
        """
        trial = self.trial
        prepared = trial_data(trial, threads)
        lines = EpochLines(trial.family, trial.spec)
        lines.begin(f"{trial.family.name} on {trial.data.title}: {trial.data.folds_title}, on {best_device()}")
        with self._tracked(store, prepared, lines) as report:
            try:
                train(trial, prepared, report, kept.keeping(self.home, self.keep, trial.number))
            except KeyboardInterrupt:
                err.print(f"stopped after {len(lines.reports)} of {counted(lines.epochs, 'epoch')}")
            finally:
                lines.end()
        keep = self.keep if len(lines.reports) == lines.epochs else None
        result = as_data(trial, lines.reports)
        if keep is not None:
            kept.write_report(self.home, keep, result, trial.data)
        if as_json:
            print_json(result)
        elif lines.reports:
            _print_result(trial.family, lines.reports)
            if keep is not None:
                self._print_uses(f"{kept.FOLDER}/{keep}")

    @contextmanager
    def _tracked(
        self, store: str | None, prepared: Prepared, lines: "EpochLines"
    ) -> Generator[Callable[[EpochReport], None]]:
        """Yield what takes the reports: it prints them, and writes them to MLflow's store if there is one."""
        if store is None:
            yield lines.add
            return
        run = LoneRun(self._described(prepared), store, self.home)

        def add(report: EpochReport) -> None:
            lines.add(report)
            run.put(report)
            _warn_of(run)

        state, reason = "FAIL", ""
        try:
            yield add
            state = "COMPLETE" if len(lines.reports) == lines.epochs else "WAITING"
        except BaseException as error:
            reason = f"; {one_line(error)}"
            raise
        finally:
            last = lines.reports[-1] if lines.reports else None
            run.close(state, lone_note(self.trial.family.metrics[0], last, lines.epochs) + reason)
            _warn_of(run)

    def _described(self, prepared: Prepared) -> LoneTrial:
        trial, values = self.trial, self.trial.spec.model_dump()
        return LoneTrial(
            name=self.keep or trial.like or f"{trial.family.name} alone",
            family=trial.family.name,
            values={name: value for name, value in values.items() if trial.spec.matters(name, values)},
            data=trial.data,
            fingerprint=prepared.fingerprint,
            counts={"num_pieces": prepared.data.num_pieces, "num_notes": prepared.data.num_notes},
            like=trial.like,
        )

    def _print_uses(self, name: str) -> None:
        uses = [use_command(self.trial.family, "--model", name), command("show", name)]
        out.print(f"kept as {name}; to use it:", markup=False, soft_wrap=True)
        for line in filter(None, uses):
            out.print(f"  {line}", markup=False, soft_wrap=True)


def _warn_of(run: LoneRun) -> None:
    problem = run.problem()
    if problem is not None:
        warn(f"{problem}; the trial is not logged")


class EpochLines:
    """One line per epoch on standard error, and the remaining time below."""

    def __init__(self, family: Family[Any, Any], spec: Spec) -> None:
        """Create the display of a trial."""
        self.reports: list[EpochReport] = []
        self.epochs = int(spec.model_dump()["epochs"])
        self._metrics = family.metrics[: max(1, (err.width - 20) // 23)]
        self._status = err.status("first epoch ...")

    def begin(self, title: str) -> None:
        """Print the title and the column names."""
        err.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
        err.print("[dim]epoch  " + "  ".join(f"{metric.name:>21}" for metric in self._metrics) + "     time[/]")
        self._status.start()

    def add(self, report: EpochReport) -> None:
        """Print an epoch."""
        self.reports.append(report)
        columns = "  ".join(f"{with_error(report.metrics[metric.name]):>21}" for metric in self._metrics)
        err.print(f"{report.epoch:5d}  {columns}  {duration(report.seconds):>7}", soft_wrap=True)
        left = self.epochs - report.epoch
        pace = sum(each.seconds for each in self.reports) / len(self.reports)
        self._status.update(f"{counted(left, 'epoch')} left, about {duration(left * pace)}")

    def end(self) -> None:
        """Remove the remaining time."""
        self._status.stop()


def _print_result(family: Family[Any, Any], reports: list[EpochReport]) -> None:
    objective, last = family.metrics[0], reports[-1].metrics
    folds = "  ".join(f"{value:.3f}" for value in last[objective.name].values)
    curve = sparkline([report.metrics[objective.name].mean for report in reports])
    out.print(
        f"[bold]{objective.name}[/] {with_error(last[objective.name])} {objective.unit}   folds {folds}   {curve}"
    )
