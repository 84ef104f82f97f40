"""``tunesmith trial``: train one trial on this machine without Ray, and print every epoch."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from data_prep.errors import BadInputError
from data_prep.wording import counted
from tunesmith.console import err, out, print_json
from tunesmith.figures import duration, sparkline, with_error
from tunesmith.home import home_folder
from tunesmith.options import AsJson, CorpusName, Home, Repeats, Settings, read_settings

if TYPE_CHECKING:
    from models.family import EpochReport, Family
    from models.spec import Spec
    from search.spec.sections import Data
    from tunesmith.running.single_trial import SingleTrial


def trial(
    family: Annotated[str | None, typer.Argument(help="A model family; by default composer.", metavar="FAMILY")] = None,
    settings: Settings = None,
    preset: Annotated[
        str | None, typer.Option(help="Name of a published setting, e.g. table1/24; 'list' lists all.")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            help="Repeat a trial of a search with its data, seed and settings, e.g. composer/7.",
            metavar="SEARCH/NUMBER",
        ),
    ] = None,
    corpus: CorpusName = None,
    repeats: Repeats = None,
    folds: Annotated[
        str,
        typer.Option(
            help='Number of cross-validation folds, or "holdout:0.05" to hold out this share of the notes once.',
            metavar="N|holdout:SHARE",
        ),
    ] = "4",
    seed: Annotated[int, typer.Option(help="Seed of the folds, initial weights, windows and dropout.", min=0)] = 0,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 1,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Train a model with one set of hyperparameters on all folds, on this machine.

    Examples:
        tunesmith trial composer --set layers=2 --set size=128

        tunesmith trial composer --preset table1/24

        tunesmith trial --like composer/7
    """
    from models.families import default_family
    from models.families import family as find_family
    from search.spec.sections import read_folds
    from tunesmith.running.single_trial import new_trial, repeated_trial

    if like is not None:
        if settings or preset or corpus or repeats:
            raise BadInputError(
                "--like repeats a trial unchanged", remedy="omit --set, --preset, --corpus and --repeats"
            )
        chosen = repeated_trial(home_folder(home, make=False), like)
        name = chosen.family.name
        if family not in {None, name}:
            raise BadInputError("--like repeats a trial of its own family", f"{like} is a {name}", remedy="omit FAMILY")
    else:
        kind = default_family() if family is None else find_family(family)
        if preset == "list":
            _print_presets(kind, as_json=as_json)
            return
        data = {"corpus": corpus, "repeats": repeats, "folds": read_folds(folds, "--folds"), "seed": seed}
        chosen = new_trial(kind, preset, read_settings(settings or ()), "--set", data)
    _train(chosen, threads, as_json=as_json)


def _print_presets(family: "Family[Any, Any]", *, as_json: bool) -> None:
    if as_json:
        print_json(
            {name: {"values": dict(chosen.values), "source": chosen.source} for name, chosen in family.presets.items()}
        )
        return
    table = Table("preset", "source", box=None, header_style="bold")
    for name, chosen in family.presets.items():
        table.add_row(name, chosen.source)
    out.print(table)


def _train(trial: "SingleTrial", threads: int, *, as_json: bool) -> None:
    from models.training.device import best_device
    from tunesmith.running.single_trial import train, trial_data

    prepared = trial_data(trial, threads)
    lines = EpochLines(trial.family, trial.spec)
    lines.begin(f"{trial.family.name} on {trial.data.title}: {trial.data.folds_title}, on {best_device()}")
    try:
        train(trial, prepared, lines.add)
    except KeyboardInterrupt:
        err.print(f"stopped after {len(lines.reports)} of {counted(lines.epochs, 'epoch')}")
    finally:
        lines.end()
    if as_json:
        print_json(_as_data(trial.family, trial.spec, trial.data, lines.reports))
    elif lines.reports:
        _print_result(trial.family, lines.reports)


class EpochLines:
    """One line per epoch on standard error, and the remaining time below."""

    def __init__(self, family: "Family[Any, Any]", spec: "Spec") -> None:
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

    def add(self, report: "EpochReport") -> None:
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


def _print_result(family: "Family[Any, Any]", reports: "list[EpochReport]") -> None:
    objective, last = family.metrics[0], reports[-1].metrics
    folds = "  ".join(f"{value:.3f}" for value in last[objective.name].values)
    curve = sparkline([report.metrics[objective.name].mean for report in reports])
    out.print(
        f"[bold]{objective.name}[/] {with_error(last[objective.name])} {objective.unit}   folds {folds}   {curve}"
    )


def _as_data(family: "Family[Any, Any]", spec: "Spec", data: "Data", reports: "list[EpochReport]") -> dict[str, Any]:
    return {
        "family": family.name,
        "corpus": data.corpus,
        "repeats": data.repeats,
        "seed": data.seed,
        "spec": spec.model_dump(),
        "epochs": [
            {
                "epoch": report.epoch,
                "seconds": report.seconds,
                "metrics": {name: values.summary() for name, values in report.metrics.items()},
            }
            for report in reports
        ],
    }
