"""``tunesmith trial``: train one trial on this machine without Ray, and print every epoch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from data_prep.errors import BadInputError, unknown
from data_prep.wording import counted
from tunesmith.console import err, out, print_json, warn
from tunesmith.figures import duration, sparkline, with_error
from tunesmith.home import home_folder
from tunesmith.options import AsJson, CorpusName, Home, Repeats, Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.family import EpochReport, Family
    from models.spec import Spec, Value
    from search.spec.sections import Data


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
    from data_prep.readers.scores import reading_of_repeats
    from models.families import family as find_family
    from models.training.device import use_threads
    from search.spec.file import default_corpus
    from search.spec.sections import Data, read_folds
    from tunesmith.searching.backend import ready_backend

    number = 0
    if like is not None:
        if settings or preset or corpus or repeats:
            raise BadInputError(
                "--like repeats a trial unchanged", remedy="omit --set, --preset, --corpus and --repeats"
            )
        name, number, data, values, source = _recorded(like, home)
        if family not in {None, name}:
            raise BadInputError("--like repeats a trial of its own family", f"{like} is a {name}", remedy="omit FAMILY")
        chosen = find_family(name)
    else:
        chosen = find_family(family or "composer")
        if preset == "list":
            _print_presets(chosen, as_json=as_json)
            return
        values, source = _requested(chosen, preset, settings or [])
        reading = reading_of_repeats(repeats or "written")
        name = corpus or default_corpus(chosen)
        data = Data(corpus=name, repeats=reading, folds=read_folds(folds, "--folds"), seed=seed)
    spec = chosen.spec_type.from_values(values, source)
    use_threads(threads)
    ready_backend("auto")
    _train(chosen, spec, data, number, as_json=as_json)


def _requested(family: "Family[Any, Any]", preset: str | None, pairs: list[str]) -> "tuple[dict[str, Value], str]":
    base: Mapping[str, Value] = {}
    if preset is not None:
        if preset not in family.presets:
            raise unknown("preset", preset, family.presets, f"of {family.name}")
        base = family.presets[preset].values
    values = family.spec_type.changed(base, read_settings(pairs))
    return values, "--set" if pairs else f"preset {preset}"


def _recorded(like: str, home: Path | None) -> "tuple[str, int, Data, Mapping[str, Value], str]":
    from tunesmith.names.trials import recorded_trial

    record, number = recorded_trial(home_folder(home, make=False), like)
    return record.spec.family, number, record.spec.data, record.trial(number).values, like


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


def _train(family: "Family[Any, Any]", spec: "Spec", data: "Data", number: int, *, as_json: bool) -> None:
    from models.training.device import best_device
    from search.trials.training import train_trial
    from tunesmith.progress_bar import Bar
    from tunesmith.searching.data import prepare_data

    with Bar() as bar:
        prepared = prepare_data(data, family.data_kind, bar)
    for remark in family.remarks({name: (value,) for name, value in spec.model_dump().items()}, prepared.data):
        warn(remark)
    lines = EpochLines(family, spec)
    lines.begin(f"{family.name} on {data.title}: {data.folds_title}, on {best_device()}")
    try:
        train_trial(
            family, spec, prepared.data, lines.add, seed=data.seed, number=number, files=None, device=best_device()
        )
    except KeyboardInterrupt:
        err.print(f"stopped after {len(lines.reports)} of {counted(lines.epochs, 'epoch')}")
    finally:
        lines.end()
    if as_json:
        print_json(_as_data(family, spec, data, lines.reports))
    elif lines.reports:
        _print_result(family, lines.reports)


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
