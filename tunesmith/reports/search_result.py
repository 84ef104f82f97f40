"""The result of a search: the best trials, the baselines, the importances of settings, and commands to run next."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from data_prep.wording import counted
from models.family import Baseline, Family
from models.metrics import FoldValues, Metric
from search.driver.limit import Reason
from search.driver.search_run import SearchResult
from search.plots.importances import Importance, importances
from search.spec.file import SearchSpec
from search.spec.sections import NEXT_TRIALS
from search.study.records import ExpectedGain
from search.study.report import Configuration, configurations, counts, improvement, optimism
from search.tracking.client import tracking_uri
from tunesmith.console import new_table, out
from tunesmith.figures import duration, interval, setting_text, settings_line, state_word, with_error
from tunesmith.program import command
from tunesmith.reports.findings import (
    Finding,
    about_baselines,
    about_ends,
    about_gain,
    about_given,
    about_optimism,
    compare_with_given,
)
from tunesmith.reports.next_commands import next_commands, print_next

_BEST = 5
_WIDE = 80
"""Columns of a terminal from which settings have a place beside the scores."""

_MATTERED = 8
_BAR = 24
_WHY: Mapping[Reason, str] = {
    "trials": "all trials are done",
    "converged": "converged",
    "time": "its time is up",
    "interrupted": "interrupted",
}


def as_data(
    spec: SearchSpec, family: Family[Any, Any], outcome: SearchResult, baselines: Sequence[Baseline] | None, home: Path
) -> dict[str, Any]:
    """Return the result as plain values; ``baselines`` is None if they were not scored."""
    objective = family.metrics[0]
    found = configurations(outcome.trials, objective)
    best, luck = found[:_BEST], optimism(found, objective)
    return {
        "search": spec.name,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "states": dict(counts(outcome.trials)),
        "expected_gain": None if outcome.expected_gain is None else _gain_data(outcome.expected_gain),
        "objective": objective.name,
        "best": [_best_data(each, family) for each in best],
        "optimism": None if luck is None else {**luck.summary(), "trials": len(luck.values)},
        "initial": _initial_data(found, spec, family, outcome),
        "baselines": None if baselines is None else [_baseline_data(baseline) for baseline in baselines],
        "importances": [
            {"setting": importance.setting, "share": importance.share}
            for importance in _importances(spec, family, outcome)
        ],
        "tracking": tracking_uri(spec, home),
    }


def _gain_data(gain: ExpectedGain) -> dict[str, float | None]:
    error = gain.standard_error if math.isfinite(gain.standard_error) else None
    return {"gain": gain.gain, "trials": NEXT_TRIALS, "standard_error": error, "after_trials": gain.finished}


def _initial_data(
    found: Sequence[Configuration], spec: SearchSpec, family: Family[Any, Any], outcome: SearchResult
) -> dict[str, Any] | None:
    """Return the best point that the search was given and how much better the winner is; None without one."""
    compared = compare_with_given(found, spec, family, outcome) if found else None
    return None if compared is None else {"number": compared.best.trial.number, "gain": compared.gain.summary()}


def _best_data(each: Configuration, family: Family[Any, Any]) -> dict[str, Any]:
    trial = each.trial
    scores = {
        metric.name: values.summary() if (values := trial.last(metric.name)) else None for metric in family.metrics
    }
    return {
        "number": trial.number,
        "epochs": len(trial.epochs),
        "seeds": each.num_seeds,
        "score": each.score.summary(),
        "metrics": scores,
        "settings": dict(trial.values),
    }


def _baseline_data(baseline: Baseline) -> dict[str, Any]:
    def summary(values: FoldValues) -> dict[str, float]:
        return {"mean": values.mean, "standard_error": values.standard_error}

    others = {name: summary(values) for name, values in baseline.others.items()}
    return {"name": baseline.name, **summary(baseline.score), "oracle": baseline.oracle, "others": others}


def _importances(spec: SearchSpec, family: Family[Any, Any], outcome: SearchResult) -> list[Importance]:
    return importances(
        outcome.trials, spec.space, family.metrics[0], spec.scheduler.comparison_epoch(spec.budget.epochs)
    )


def result_line(spec: SearchSpec, family: Family[Any, Any], outcome: SearchResult) -> str:
    """Return why the search ended, its trials and the best of them in one line."""
    best = configurations(outcome.trials, family.metrics[0])[:1]
    words = [f"the best is #{each.trial.number}, {with_error(each.score)} {family.metrics[0].unit}" for each in best]
    return f"{spec.name}: {'; '.join([_headline(outcome), *words])}"


def _headline(outcome: SearchResult) -> str:
    states = ", ".join(f"{count} {state_word(state)}" for state, count in counts(outcome.trials).items())
    trials = counted(len(outcome.trials), "trial")
    return f"{_WHY[outcome.reason]} after {duration(outcome.seconds)}; {trials}: {states}"


def print_result(
    spec: SearchSpec, family: Family[Any, Any], outcome: SearchResult, baselines: Sequence[Baseline] | None
) -> None:
    """Print the result; ``baselines`` is None if they were not scored."""
    objective = family.metrics[0]
    out.print(f"[bold]{spec.name}[/]: {_headline(outcome)}")
    _print_finding(about_gain(outcome, objective))
    found = configurations(outcome.trials, objective)
    best = found[:_BEST]
    if not best:
        out.print("no trial has trained for its full budget; give the search more time:")
        out.print(f"  {command('search', spec.name, '--time', 'none')}", markup=False, soft_wrap=True)
        return
    _print_best(best, family, spec)
    _print_finding(about_optimism(found, objective), "dim")
    _print_winner(best[0], family)
    for finding in (about_given(found, spec, family, outcome), *about_ends(found, spec)):
        _print_finding(finding, "dim")
    if baselines is not None:
        _print_baselines(best[0], objective, baselines)
    _print_importances(_importances(spec, family, outcome))
    print_next(next_commands(spec, family, best[0]))


def _print_best(best: Sequence[Configuration], family: Family[Any, Any], spec: SearchSpec) -> None:
    objective = family.metrics[0]
    defaults = family.spec_type.defaults()
    confirmed = any(each.repeats for each in best)
    table = new_table("best trials", objective.name.replace("_", " "), *(["seeds"] if confirmed else []))
    table.add_column("time", no_wrap=True, justify="right")
    title, is_wide = "searched settings that differ from the defaults", out.width >= _WIDE
    if is_wide:
        table.add_column(title, style="dim", ratio=1)
    below: list[str] = []
    for each in best:
        trial = each.trial
        settings = {name: trial.values[name] for name in spec.space.searched if name in trial.values}
        line = escape(settings_line(settings, defaults))
        table.add_row(
            f"#{trial.number}",
            with_error(each.score),
            *([str(each.num_seeds)] if confirmed else []),
            duration(trial.seconds),
            *([line] if is_wide else []),
        )
        below.append(f"#{trial.number}: {line}")
    out.print()
    out.print(table)
    if not is_wide:
        out.print()
        out.print(f"[dim]{title}[/]")
        for line in below:
            out.print(f"[dim]{line}[/]")


def _print_winner(best: Configuration, family: Family[Any, Any]) -> None:
    winner = best.trial
    table = new_table(show_header=False)
    meanings = family.spec_type.settings()
    changed = {name: value for name, value in winner.values.items() if value != meanings[name].default}
    for name, value in changed.items():
        table.add_row(f"  {name}", escape(setting_text(value)), f"[dim]{escape(meanings[name].meaning)}[/]")
    out.print()
    remark = "settings that differ from the defaults" if changed else "all settings have their defaults"
    out.print(f"[bold]the winner, #{winner.number}[/] [dim]({remark})[/]")
    if changed:
        out.print(table)


def _print_baselines(winner: Configuration, objective: Metric, baselines: Sequence[Baseline]) -> None:
    score = winner.score
    parts = [name for name in (baselines[0].others if baselines else ()) if name.startswith(f"{objective.name}_")]
    titles = (name.removeprefix(f"{objective.name}_") for name in parts)
    table = new_table("on the same folds", objective.unit, *titles, "the winner is better by")
    for baseline in baselines:
        gain = improvement(score, baseline.score, objective)
        others = [with_error(baseline.others[name]) for name in parts]
        table.add_row(baseline.name, with_error(baseline.score), *others, interval(gain.mean, gain.standard_error))
    own = [with_error(values) if (values := winner.trial.last(name)) else "" for name in parts]
    table.add_row(f"#{winner.trial.number}, the winner", with_error(score), *own, "", style="bold green")
    out.print()
    out.print(table)
    several = "± is one standard error over the folds; gains are paired, fold by fold"
    single = "a single split has no standard errors: whether a difference is noise is unknown"
    out.print(f"[dim]{several if len(score.values) > 1 else single}[/]")
    for finding in about_baselines(winner, objective, baselines):
        _print_finding(finding)


def _print_finding(finding: Finding | None, style: str = "") -> None:
    if finding is not None:
        out.print(finding.text, style="yellow" if finding.warns else style, markup=False, soft_wrap=True)


def _print_importances(shares: Sequence[Importance]) -> None:
    out.print()
    if not shares:
        out.print("[dim]importance of the settings: too few trials to estimate it[/]")
        return
    table = new_table(show_header=False)
    for importance in shares[:_MATTERED]:
        table.add_row(f"  {importance.setting}", "█" * round(_BAR * importance.share), f"{importance.share:.0%}")
    remark = "(fANOVA of the ranks after equal epochs; rough with few trials)"
    out.print(f"[bold]importance of the settings[/] [dim]{remark}[/]")
    out.print(table)
