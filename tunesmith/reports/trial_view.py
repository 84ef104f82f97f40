"""A trial on a terminal: its settings, the learning curve of each fold, and how to find it in MLflow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from data_prep.wording import counted
from models.families import family as find_family
from models.family import Family
from models.metrics import TRAIN_LOSS, Metric
from models.spec import Spec
from search.passwords import without_password
from search.promotion.sealed_test import recorded
from search.spec.sections import Data
from search.study.database import SearchRecord, folder
from search.study.records import TrialRecord
from search.tracking.client import tracking_uri
from tunesmith.console import new_table, out
from tunesmith.figures import decimals, duration, interval, setting_text, state_word, with_error
from tunesmith.names.models import registry
from tunesmith.names.use import use_command
from tunesmith.program import command
from tunesmith.reports.curves import draw_curves


def as_data(record: SearchRecord, number: int) -> dict[str, Any]:
    """Return the trial as plain values."""
    trial = record.trial(number)
    spec = find_family(record.spec.family).spec_type.from_values(trial.values)
    return {
        "search": record.spec.name,
        "number": number,
        "state": trial.state,
        "reason": trial.reason or None,
        "seconds": trial.seconds,
        "spec": spec.model_dump(),
        "epochs": [
            {
                "epoch": epoch.report.epoch,
                "seconds": epoch.report.seconds,
                "metrics": {name: values.summary() for name, values in epoch.report.metrics.items()},
            }
            for epoch in trial.epochs
        ],
    }


def print_trial(record: SearchRecord, number: int, home: Path) -> None:
    """Print the trial."""
    trial = record.trial(number)
    family = find_family(record.spec.family)
    spec = family.spec_type.from_values(trial.values)
    head = f"{state_word(trial.state)} after {len(trial.epochs)} of {counted(record.spec.budget.epochs, 'epoch')}"
    out.print(f"[bold]{record.spec.name}/{number}[/]  {head}, {duration(trial.seconds)}  {escape(trial.reason)}")
    _print_scores(trial, family)
    _print_settings(spec, record.spec.space.searched)
    tags = f'tags.search = "{record.spec.name}" and tags.trial = "{number}"'
    store = without_password(tracking_uri(record.spec, home))
    out.print(f"[dim]MLflow[/]  {escape(store)}  filter: {tags}", soft_wrap=True)
    _print_promotion(record, number, home)
    repeat = command("trial", "--like", f"{record.spec.name}/{number}")
    out.print(f"[dim]repeat it here[/]  {escape(repeat)}", soft_wrap=True)


def print_kept(name: str, trial: TrialRecord, family: Family[Any, Any], data: Data) -> None:
    """Print a single trial whose model was kept.

    Args:
        name: Its name, "kept/mine".
        trial: The trial.
        family: Its family.
        data: Its corpus and folds.
    """
    spec = family.spec_type.from_values(trial.values)
    where = f"{family.name} on {data.title}, {data.folds_title}"
    epochs = counted(len(trial.epochs), "epoch")
    out.print(f"[bold]{escape(name)}[/]  {escape(where)}, {epochs}, {duration(trial.seconds)}", soft_wrap=True)
    _print_scores(trial, family)
    _print_settings(spec, ())
    use = use_command(family, "--model", name)
    if use:
        out.print(f"[dim]make music with it[/]  {escape(use)}", soft_wrap=True)


def _print_scores(trial: TrialRecord, family: Family[Any, Any]) -> None:
    """Print the metrics of the last epoch, and the curves of the objective and the training loss."""
    table = new_table(show_header=False)
    units = {metric.name: metric.unit for metric in family.metrics}
    reported = trial.epochs[-1].report.metrics if trial.epochs else ()
    for name in dict.fromkeys((*units, *reported)):  # a style may have metrics of its own
        values = trial.last(name)
        if values is not None:
            folds = "  ".join(f"{value:.{decimals(values.mean)}f}" for value in values.values)
            table.add_row(name, with_error(values), units.get(name, ""), f"[dim]folds {folds}[/]")
    out.print(table)
    if len(trial.epochs) > 1:
        for metric in (family.metrics[0], TRAIN_LOSS):
            title, first = f"{metric.name} ({metric.unit}) by epoch", trial.epochs_of_all[0].report.epoch
            draw_curves(out, title, _curves(trial, metric), first)


def _print_settings(spec: Spec, searched: Sequence[str]) -> None:
    """Print the settings that matter; those that a search kept fixed are marked if it searched others."""
    settings = new_table(show_header=False)
    for name, value in spec.model_dump().items():
        if spec.matters(name, spec.model_dump()):
            remark = "[dim]fixed[/]" if searched and name not in searched else ""
            settings.add_row(name, escape(setting_text(value)), remark)
    out.print(settings)


def _curves(trial: TrialRecord, metric: Metric) -> dict[str, list[float]]:
    """Return a metric's values by epoch on each fold; empty if an epoch did not report it."""
    reported = [values for epoch in trial.epochs_of_all if (values := epoch.report.metrics.get(metric.name))]
    if len(reported) < len(trial.epochs_of_all):
        return {}
    folds = zip(*(values.values for values in reported), strict=True)
    return {f"fold {number}": list(values) for number, values in enumerate(folds)}


def _print_promotion(record: SearchRecord, number: int, home: Path) -> None:
    """Print the sealed test's result and the registered version, if the trial was promoted."""
    test = recorded(folder(home, record.spec.name))
    if test is None or test.trial != number:
        return
    unit = find_family(record.spec.family).metrics[0].unit
    scores = test.scores
    result = f"{interval(scores.mean, scores.standard_error)} {unit} on {counted(len(scores.values), 'piece')}"
    out.print(f"[dim]sealed test[/]  {result}, {test.at[:10]}")
    version = registry(home, tracking_uri(record.spec, home)).of_trial(record.spec.family, record.study, number)
    if version is not None:
        champion = ", the champion" if version.is_champion else ""
        show = command("models", version.reference)
        out.print(f"[dim]registered[/]  {version.reference}{champion}: {escape(show)}", soft_wrap=True)
