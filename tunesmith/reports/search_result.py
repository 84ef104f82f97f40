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
from search.study.report import Configuration, configurations, counts, improvement, initial_trials, optimism
from search.tracking.client import tracking_uri
from tunesmith.console import new_table, out
from tunesmith.figures import duration, gain_line, interval, setting_text, settings_line, state_word, with_error
from tunesmith.names.use import use_command
from tunesmith.program import command

_BEST = 5
_MATTERED = 8
_BAR = 24
_WHY: Mapping[Reason, str] = {
    "trials": "all trials are done",
    "converged": "converged",
    "time": "its time is up",
    "interrupted": "interrupted",
}
_NOISE = 2.0
"""Standard errors below which a gain may be noise."""


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
        "initial": _initial_data(best, spec, family, outcome),
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
    best: Sequence[Configuration], spec: SearchSpec, family: Family[Any, Any], outcome: SearchResult
) -> dict[str, Any] | None:
    """Return the best point that the search was given and how much better the winner is; None without one."""
    gain = _gain_over_initial(best[0], spec, family, outcome) if best else None
    return None if gain is None else {"number": gain[0].trial.number, "gain": gain[1].summary()}


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


def print_result(
    spec: SearchSpec, family: Family[Any, Any], outcome: SearchResult, baselines: Sequence[Baseline] | None
) -> None:
    """Print the result; ``baselines`` is None if they were not scored."""
    objective = family.metrics[0]
    states = ", ".join(f"{count} {state_word(state)}" for state, count in counts(outcome.trials).items())
    trials = counted(len(outcome.trials), "trial")
    out.print(f"[bold]{spec.name}[/]: {_WHY[outcome.reason]} after {duration(outcome.seconds)}; {trials}: {states}")
    if (gain := outcome.expected_gain) is not None:
        out.print(gain_line(gain.gain, gain.standard_error, objective.unit), soft_wrap=True)
    found = configurations(outcome.trials, objective)
    best = found[:_BEST]
    if not best:
        out.print("no trial has trained for its full budget; give the search more time:")
        out.print(f"  {command('search', spec.name, '--time', 'none')}", markup=False, soft_wrap=True)
        return
    _print_best(best, family, spec)
    _print_optimism(found, objective)
    _print_winner(best[0], family)
    _print_initial(found, spec, family, outcome)
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
    table.add_column("searched settings that differ from the defaults", style="dim", ratio=1)
    for each in best:
        trial = each.trial
        settings = {name: trial.values[name] for name in spec.space.searched if name in trial.values}
        table.add_row(
            f"#{trial.number}",
            with_error(each.score),
            *([str(each.num_seeds)] if confirmed else []),
            duration(trial.seconds),
            escape(settings_line(settings, defaults)),
        )
    out.print()
    out.print(table)


def _print_optimism(found: Sequence[Configuration], objective: Metric) -> None:
    """Say how much the confirmed trials had gained by being chosen for their results."""
    luck = optimism(found, objective)
    if luck is not None:
        trials = counted(len(luck.values), "trial")
        words = "worse" if luck.mean >= 0 else "better"
        gap = interval(abs(luck.mean), luck.standard_error)
        out.print(
            f"[dim]repeats of the best {trials} with other seeds were {words} by {gap} than the first results; scores "
            "are means over the seeds[/]",
            soft_wrap=True,
        )


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


def _print_initial(
    found: Sequence[Configuration], spec: SearchSpec, family: Family[Any, Any], outcome: SearchResult
) -> None:
    """Say what the search found in addition to the points that it was given."""
    winner, objective = found[0], family.metrics[0]
    gain = _gain_over_initial(winner, spec, family, outcome)
    if gain is None:
        return
    initial, gained = gain
    is_given = initial.trial.number == winner.trial.number
    line = "it is a point that the search was given; the search found nothing better"
    if not is_given:
        line = f"better by {_interval(gained)} than #{initial.trial.number}, the best point that the search was given"
    elif own := _best_own(found, spec, outcome):
        worse = improvement(winner.score, own.score, objective)
        line += f"; the best of its own, #{own.trial.number}, is worse by {_interval(worse)}"
        gained = worse
    noise = len(gained.values) > 1 and gained.mean < _NOISE * gained.standard_error
    style = "yellow" if is_given or noise else "dim"
    out.print(f"[{style}]{line}{': within noise' if noise else ''}[/]", soft_wrap=True)


def _best_own(found: Sequence[Configuration], spec: SearchSpec, outcome: SearchResult) -> Configuration | None:
    """Return the best configuration that the search was not given."""
    given = {trial.number for trial in initial_trials(outcome.trials, (*spec.prior, *outcome.warm_points))}
    return next((each for each in found if each.trial.number not in given), None)


def _interval(values: FoldValues) -> str:
    return interval(values.mean, values.standard_error)


def _gain_over_initial(
    winner: Configuration, spec: SearchSpec, family: Family[Any, Any], outcome: SearchResult
) -> tuple[Configuration, FoldValues] | None:
    """Return the best point that the search was given, and the winner's gain; None without such a point."""
    objective = family.metrics[0]
    points = (*spec.prior, *outcome.warm_points)
    best = configurations(initial_trials(outcome.trials, points), objective)
    return (best[0], improvement(winner.score, best[0].score, objective)) if best else None


def _print_baselines(winner: Configuration, objective: Metric, baselines: Sequence[Baseline]) -> None:
    score = winner.score
    parts = [name for name in (baselines[0].others if baselines else ()) if name.startswith(f"{objective.name}_")]
    titles = (name.removeprefix(f"{objective.name}_") for name in parts)
    table = new_table("on the same folds", objective.unit, *titles, "the winner is better by")
    for baseline in baselines:
        gain = improvement(score, baseline.score, objective)
        others = [with_error(baseline.others[name]) for name in parts]
        table.add_row(baseline.name, with_error(baseline.score), *others, _interval(gain))
    own = [with_error(values) if (values := winner.trial.last(name)) else "" for name in parts]
    table.add_row(f"#{winner.trial.number}, the winner", with_error(score), *own, "", style="bold green")
    out.print()
    out.print(table)
    several = "± is one standard error over the folds; gains are paired, fold by fold"
    single = "a single split has no standard errors: whether a difference is noise is unknown"
    out.print(f"[dim]{several if len(score.values) > 1 else single}[/]")
    for baseline in baselines:
        if not baseline.oracle and improvement(score, baseline.score, objective).mean < 0:
            out.print(f"[yellow]{baseline.name} is better than the winner[/]")


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


def next_commands(spec: SearchSpec, family: Family[Any, Any], winner: Configuration) -> Sequence[tuple[str, str]]:
    """Return commands to run next, each with its effect."""
    trial = f"{spec.name}/{winner.trial.number}"
    more = ("--time", "none", "--trials", str(2 * spec.budget.trials))
    use = use_command(family, "--trial", trial)
    return (
        *([(use, "make music with it")] if use else []),
        (command("promote", spec.name), "train it on all folds, test it once, register it"),
        (command("report", spec.name, "--open"), "look at all figures in the browser"),
        (command("show", trial), "show the winner's curves"),
        (command("trials", spec.name), "list all trials"),
        (command("ui", spec.name, "--open"), "show its runs in MLflow"),
        (command("trial", "--like", trial), "repeat the winner on this machine"),
        (command("search", spec.name, *more), "run more trials"),
    )


def print_next(commands: Sequence[tuple[str, str]]) -> None:
    """Print commands to run next, each with its effect."""
    width = max(len(line) for line, _ in commands)
    out.print()
    out.print("[bold]next[/]")
    for line, meaning in commands:
        out.print(f"  {escape(f'{line:<{width}}')}  [dim]{meaning}[/]", soft_wrap=True)
