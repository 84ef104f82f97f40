"""What a report says about one search: numbers, sentences, tables and figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data_prep.wording import counted
from models.families import family as find_family
from models.family import Baseline, Family
from models.metrics import TRAIN_LOSS, FoldValues, Metric
from search.plots import figures
from search.plots.importances import at_epoch, better_values, importances
from search.spec.domains import Range
from search.study.records import SearchRecord, TrialRecord
from search.study.report import (
    Configuration,
    configurations,
    costed_trials,
    counts,
    improvement,
)
from tunesmith.figures import duration, interval, setting_text, state_word, with_error
from tunesmith.program import command
from tunesmith.reports.findings import Finding, findings
from tunesmith.reports.next_commands import next_commands
from tunesmith.reports.trial_table import rows, sorted_rows
from tunesmith.searching import baseline_cache

_SLICES = 6


@dataclass(frozen=True)
class Chart:
    """A figure with its title and a sentence that says how to read it."""

    title: str
    caption: str
    figure: Any
    wide: bool = False


@dataclass(frozen=True)
class Content:
    """The report of one search.

    Attributes:
        name: Its name.
        subtitle: What it searched, on which data.
        tiles: The main numbers, each with its name.
        findings: The result in words.
        winner: Settings of the winner that differ from the defaults, with their descriptions.
        baselines: Rows of name, score and how much better the winner is.
        charts: The figures.
        columns: Titles of the table of trials.
        rows: Its rows.
        commands: Commands to run next, with what each does.
    """

    name: str
    subtitle: str
    tiles: Sequence[tuple[str, str]]
    findings: Sequence[Finding]
    winner: Sequence[tuple[str, str, str]]
    baselines: Sequence[tuple[str, str, str]]
    charts: Sequence[Chart]
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    commands: Sequence[tuple[str, str]]


def content_of(record: SearchRecord) -> Content:
    """Return what the report says about a search.

    Args:
        record: The search; it may be running.

    Returns:
        The content.
    """
    family = find_family(record.spec.family)
    found = configurations(record.trials, family.metrics[0])
    timeline, share = figures.timeline(record.trials)
    charts = [*_charts(record, family, found), _timeline_chart(timeline, share)]
    columns, table = _table(record, family)
    return Content(
        record.spec.name,
        _subtitle(record, family),
        _tiles(record, family, found, share),
        findings(found, record.spec, family, record, _scored(record, family, found)),
        _winner(found, family),
        _baselines(record, family, found),
        charts,
        columns,
        table,
        _commands(record, family, found),
    )


def _subtitle(record: SearchRecord, family: Family[Any, Any]) -> str:
    data = record.spec.data
    state = "running" if record.driver else ""
    return ", ".join(filter(None, (f"{family.name} on {data.title}", data.folds_title, state)))


def _tiles(
    record: SearchRecord, family: Family[Any, Any], found: Sequence[Configuration], share: float
) -> list[tuple[str, str]]:
    objective = family.metrics[0]
    states = counts(record.trials)
    best = [(objective.unit, with_error(found[0].score))] if found else []
    return [
        *best,
        ("trials", str(len(record.trials))),
        *((state_word(state), str(count)) for state, count in states.items()),
        ("time", duration(record.seconds)),
        *([("slots in use", f"{share:.0%}")] if math.isfinite(share) else []),
    ]


def _winner(found: Sequence[Configuration], family: Family[Any, Any]) -> list[tuple[str, str, str]]:
    if not found:
        return []
    settings, defaults = family.spec_type.settings(), family.spec_type.defaults()
    values = found[0].trial.values
    return [
        (name, setting_text(value), settings[name].meaning)
        for name, value in values.items()
        if defaults.get(name) != value
    ]


def _baselines(
    record: SearchRecord, family: Family[Any, Any], found: Sequence[Configuration]
) -> list[tuple[str, str, str]]:
    """Return the baselines that were scored on the same data, and the winner."""
    scored = _scored(record, family, found)
    if not scored:
        return []
    objective, score = family.metrics[0], found[0].score
    table = [
        (each.name, with_error(each.score), _interval(improvement(score, each.score, objective))) for each in scored
    ]
    return [*table, (f"#{found[0].trial.number}, the winner", with_error(score), "")]


def _scored(record: SearchRecord, family: Family[Any, Any], found: Sequence[Configuration]) -> Sequence[Baseline]:
    """Return the baselines that a search on this machine scored on the same folds."""
    return baseline_cache.comparable(family.name, record.fingerprint, len(found[0].score.values)) if found else ()


def _charts(record: SearchRecord, family: Family[Any, Any], found: Sequence[Configuration]) -> list[Chart]:
    objective, spec, trials = family.metrics[0], record.spec, record.trials
    if not any(trial.epochs for trial in trials):
        return []
    own = [trial for trial in trials if trial.confirms is None]
    epoch = spec.scheduler.comparison_epoch(spec.budget.epochs)
    train = TRAIN_LOSS.name if TRAIN_LOSS.name in {metric.name for metric in family.metrics} else None
    charts = [
        Chart(
            "Progress",
            "Each trial when it ended; the line is the best full trial so far.",
            figures.history(trials, objective),
        ),
        Chart(
            "Learning curves",
            "The five best trials, the best with the range of its folds. A click on a name in the legend hides or "
            "shows a curve, such as the training loss.",
            figures.curves(own, objective, train),
        ),
    ]
    rungs = spec.scheduler.checkpoint_epochs(spec.budget.epochs)
    if rungs and len(own) > 1:
        title = "What was stopped early"
        charts.append(
            Chart(title, "The results at each rung.", figures.rungs(own, objective, rungs, spec.budget.epochs))
        )
    shares = importances(own, spec.space, objective, epoch)
    if shares:
        charts += _settings_charts(record, objective, epoch, shares, found)
    if (seeds := figures.seeds(found, objective)) is not None:
        charts.append(Chart("Seeds", "The same settings with other seeds.", seeds))
    if found:
        costs = {each.trial.number: each.trial.seconds_per_epoch for each in found}
        front = figures.front(costed_trials(own, objective, costs), objective, "seconds per epoch")
        charts.append(
            Chart("Quality against cost", "No other trial is both better and faster than one on the front.", front)
        )
    return charts


def _settings_charts(
    record: SearchRecord, objective: Metric, epoch: int, shares: Sequence[Any], found: Sequence[Configuration]
) -> list[Chart]:
    space = record.spec.space
    own = [trial for trial in record.trials if trial.confirms is None]
    scored = at_epoch(own, objective, epoch)
    names = [each.setting for each in shares]
    after = f"after {counted(epoch, 'epoch')}, when all trials can be compared"
    charts = [
        Chart(
            "Which settings mattered",
            f"Importance by fANOVA on the ranks {after}; the words say which values did better.",
            figures.importance_bars(shares, {name: _direction(scored, name, record, objective) for name in names}),
        ),
        Chart(
            "Slices",
            f"Each trial {after}, by each of the settings that mattered most; darker is later.",
            figures.slices(own, space, objective, epoch, names[:_SLICES]),
            wide=True,
        ),
    ]
    if len(found) > 1:
        charts.append(
            Chart(
                "Full trials",
                f"Each line is a full trial, {figures.MOST_LINES} at most. Drag along an axis to choose lines.",
                figures.parallel_coordinates(own, space, objective),
                wide=True,
            )
        )
    return charts


def _direction(scored: Sequence[tuple[TrialRecord, float]], name: str, record: SearchRecord, objective: Metric) -> str:
    better = better_values(scored, name, record.spec.space, objective)
    if isinstance(record.spec.space.domains[name], Range):
        return f"{better} is better" if better is not None else ""
    return "" if better is None else f"{setting_text(better)} is best"


def _timeline_chart(figure: Any, share: float) -> Chart:
    caption = f"Slots trained for {share:.0%} of the time." if math.isfinite(share) else ""
    return Chart("Time by slot", caption, figure)


def _table(record: SearchRecord, family: Family[Any, Any]) -> tuple[list[str], list[list[Any]]]:
    """Return the titles and the rows of the table of trials, the best first: the objective, and what was searched."""
    table = sorted_rows(rows(record, family), "score", family)
    name = family.metrics[0].name
    kept = [
        "number",
        "state",
        name,
        f"{name}_se",
        "epochs",
        "seconds",
        "confirms",
        "reason",
        *record.spec.space.searched,
    ]
    columns = [column for column in kept if any(row[column] is not None for row in table)]
    titles = {"number": "trial", name: name.replace("_", " "), f"{name}_se": "±"}
    return (
        [titles.get(column, column) for column in columns],
        [
            [state_word(row[column]) if column == "state" else _short(row[column]) for column in columns]
            for row in table
        ],
    )


def _commands(record: SearchRecord, family: Family[Any, Any], found: Sequence[Configuration]) -> list[tuple[str, str]]:
    name = record.spec.name
    if not found:
        return [(command("search", name, "--time", "none"), "resume the search without a time limit")]
    return list(next_commands(record.spec, family, found[0]))


def _interval(values: FoldValues) -> str:
    return interval(values.mean, values.standard_error)


def _short(value: Any) -> Any:
    """Return a number with few digits, None for one that is not finite."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.5g}") if math.isfinite(value) else None
