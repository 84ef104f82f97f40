"""Training one trial on this machine without Ray: its display, its run in MLflow, and its kept model."""

from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
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
from search.spec.sections import Data
from search.tracking.lone_run import LoneRun, LoneTrial, lone_note
from search.trials.training import train_trial
from tunesmith.console import err, out, print_json, warn
from tunesmith.figures import duration, sparkline, with_error
from tunesmith.names import kept
from tunesmith.names.use import use_command
from tunesmith.program import command
from tunesmith.progress_bar import Bar
from tunesmith.searching.data import prepare_data


@dataclass
class LoneTraining:
    """A trial without a search.

    Attributes:
        family: Its family.
        spec: Its hyperparameters.
        data: Its corpus and folds.
        number: The number that determines its random streams.
        like: The trial of a search that it repeats; empty if it repeats none.
        keep: The name of the kept model, None to keep none.
        home: The home folder.
    """

    family: Family[Any, Any]
    spec: Spec
    data: Data
    number: int
    like: str
    keep: str | None
    home: Path

    def train(self, store: str | None, *, as_json: bool) -> None:
        """Train it, and print every epoch and the result.

        Args:
            store: The URI of MLflow's store; None to log nothing.
            as_json: Whether to print the result as JSON.
        """
        with Bar() as bar:
            prepared = prepare_data(self.data, self.family.data_kind, bar)
        settings = self.spec.model_dump()
        for remark in self.family.remarks({name: (value,) for name, value in settings.items()}, prepared.data):
            warn(remark)
        lines = EpochLines(self.family, self.spec)
        lines.begin(f"{self.family.name} on {self.data.title}: {self.data.folds_title}, on {best_device()}")
        with self._tracked(store, prepared, lines) as report:
            try:
                self._train(prepared, report)
            except KeyboardInterrupt:
                err.print(f"stopped after {len(lines.reports)} of {counted(lines.epochs, 'epoch')}")
            finally:
                lines.end()
        result = self._as_data(lines.reports)
        keep = self.keep if len(lines.reports) == lines.epochs else None
        if keep is not None:
            kept.write_report(self.home, keep, result, self.data)
        if as_json:
            print_json(result)
        elif lines.reports:
            _print_result(self.family, lines.reports)
            if keep is not None:
                self._print_uses(f"{kept.FOLDER}/{keep}")

    def _train(self, prepared: Prepared, report: Callable[[EpochReport], None]) -> None:
        place = nullcontext() if self.keep is None else kept.keeping(self.home, self.keep, self.number)
        with place as files:
            train_trial(
                self.family,
                self.spec,
                prepared.data,
                report,
                seed=self.data.seed,
                number=self.number,
                files=files,
                device=best_device(),
            )

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
            run.close(state, lone_note(self.family.metrics[0], last, lines.epochs) + reason)
            _warn_of(run)

    def _described(self, prepared: Prepared) -> LoneTrial:
        values = self.spec.model_dump()
        return LoneTrial(
            name=self.keep or self.like or f"{self.family.name} alone",
            family=self.family.name,
            values={name: value for name, value in values.items() if self.spec.matters(name, values)},
            data=self.data,
            fingerprint=prepared.fingerprint,
            counts={"num_pieces": prepared.data.num_pieces, "num_notes": prepared.data.num_notes},
            like=self.like,
        )

    def _print_uses(self, name: str) -> None:
        uses = [use_command(self.family, "--model", name), command("show", name)]
        out.print(f"kept as {name}; to use it:", markup=False, soft_wrap=True)
        for line in filter(None, uses):
            out.print(f"  {line}", markup=False, soft_wrap=True)

    def _as_data(self, reports: list[EpochReport]) -> dict[str, Any]:
        return {
            "family": self.family.name,
            "corpus": self.data.corpus,
            "repeats": self.data.repeats,
            "seed": self.data.seed,
            "spec": self.spec.model_dump(),
            "epochs": [
                {
                    "epoch": report.epoch,
                    "seconds": report.seconds,
                    "metrics": {name: values.summary() for name, values in report.metrics.items()},
                }
                for report in reports
            ],
        }


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
