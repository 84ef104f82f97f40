"""The results of a listening test as tables."""

from dataclasses import asdict
from typing import Any

from rich.markup import escape

from data_prep.wording import counted
from tunesmith.console import new_table, out
from tunesmith.listening.design import CANNOT_TELL
from tunesmith.listening.results import UNDECIDED, Comparison, Results
from tunesmith.listening.statistics import CONFIDENCE


def as_data(results: Results) -> dict[str, Any]:
    """Return results as plain values for JSON."""
    return {**asdict(results), "plan": results.plan.model_dump()}


def show(results: Results) -> None:
    """Print results."""
    if results.items:
        _show_items(results)
        out.print()
    for comparison in results.comparisons:
        _show_comparison(comparison, results)
        out.print()
    if results.means:
        _show_means(results)
        out.print()
    _show_method(results)
    for remark in results.remarks:
        out.print(f"- {remark}", markup=False, soft_wrap=True)


def _show_items(results: Results) -> None:
    outcomes = list(results.comparisons[0].counts)
    table = new_table("piece", "comparison")
    for outcome in (*outcomes, "value"):
        table.add_column(outcome, justify="right", no_wrap=True)
    for row in results.items:
        counts = (str(row.counts.get(outcome, 0)) for outcome in outcomes)
        table.add_row(escape(row.piece), row.comparison, *counts, f"{row.mean:.1f}")
    out.print(table, crop=False)


def _show_comparison(comparison: Comparison, results: Results) -> None:
    count, plan = comparison.estimate.count, results.plan
    groups = ""
    if comparison.listeners is not None and comparison.items is not None:
        groups = f" of {counted(comparison.listeners, 'listener')} on {counted(comparison.items, 'item')}"
    out.print(f"[bold]{escape(comparison.name)}[/]: {counted(count, 'judgement')}{groups}", soft_wrap=True)
    table = new_table(show_header=False)
    for outcome, hits in comparison.counts.items():
        table.add_row(f"  {outcome}", f"{hits}", _interval(100 * hits / count, *comparison.intervals[outcome], "%"))
    if comparison.chosen is not None and comparison.counts[CANNOT_TELL]:
        table.add_row("  human found, of choices", "", _interval(*comparison.chosen, "%"))
    estimate = comparison.estimate
    table.add_row("  value", "", _interval(estimate.mean, estimate.low, estimate.high, "points"))
    if comparison.d_prime is not None:
        mean, low, high = comparison.d_prime
        table.add_row("  d'", "", f"{mean:.2f} ({low:.2f} to {high:.2f})")
    test = comparison.equivalence
    inside = f"{comparison.centre - plan.margin:g} to {comparison.centre + plan.margin:g}"
    reach = f"{_percent(1 - 2 * plan.level)} interval {test.low:.1f} to {test.high:.1f}; equivalent inside {inside}"
    table.add_row("  equivalence", f"p = {test.p:.3f}", reach)
    table.add_row("  judgements", f"{count}", _planned(comparison, plan.judgements))
    out.print(table, crop=False)
    colour = "yellow" if comparison.verdict == UNDECIDED else "green"
    out.print(f"  [{colour}]{comparison.verdict}[/]")


def _planned(comparison: Comparison, planned: int) -> str:
    effective = comparison.estimate.effective
    worth = f"worth {effective:.0f} independent ones; " if comparison.listeners is not None else ""
    short = "" if effective >= planned else ", so that equivalence may be missed"
    return f"{worth}{planned} planned{short}"


def _show_means(results: Results) -> None:
    table = new_table("condition", "mean rating")
    for condition, estimate in results.means.items():
        table.add_row(condition, _interval(estimate.mean, max(estimate.low, 0), min(estimate.high, 100), ""))
    out.print(table, crop=False)


def _show_method(results: Results) -> None:
    level = _percent(CONFIDENCE)
    value = (
        "value: 100 for the human found, 0 for the other, 50 for cannot tell, so that 50 is chance"
        if results.kind == "pair"
        else "value: rating of the first condition minus that of the second, so that 0 is no difference"
    )
    grouped = "with listeners and items as groups" if results.items else "as if judgements were independent"
    lines = (
        value,
        f"intervals at {level}: exact ones for shares, as if judgements were independent; those of values {grouped}",
        f"equivalence: two one-sided tests at {results.plan.level:g}, margin {results.plan.margin:g} points",
    )
    for line in lines:
        out.print(f"[dim]{line}[/]", soft_wrap=True)


def _interval(mean: float, low: float, high: float, unit: str) -> str:
    return f"{mean:.1f} ({low:.1f} to {high:.1f}) {unit}".rstrip()


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
