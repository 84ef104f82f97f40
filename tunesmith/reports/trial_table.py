"""The table of a search's trials: as rows of plain values, and on a terminal."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from rich.segment import Segment, Segments
from rich.style import Style

from data_prep.errors import unknown
from models.family import Family
from search.study.records import SearchRecord, TrialRecord
from tunesmith.console import out
from tunesmith.figures import duration, interval, settings_line, state_word

Row = dict[str, Any]
"""One trial: number, state, epochs, seconds, each metric with its standard error, and its settings."""

_LEAST_BESIDE = 40
"""Smallest width of the last column beside the others; otherwise it goes below them."""

_INDENT = 7
"""Indent of the last column below the others."""

_NUMBERS = ("trial", "epochs", "time")
"""Columns aligned to the right."""

_NO_BREAK = "\N{NO-BREAK SPACE}"
"""Between a setting's name and its value."""


def rows(record: SearchRecord, family: Family[Any, Any]) -> list[Row]:
    """Return a row for each trial of a search."""
    return [_row(trial, record, family) for trial in record.trials]


def _row(trial: TrialRecord, record: SearchRecord, family: Family[Any, Any]) -> Row:
    row: Row = {"number": trial.number, "state": trial.state, "epochs": len(trial.epochs)}
    for metric in family.metrics:
        values = trial.last(metric.name)
        row[metric.name] = values.mean if values else math.nan
        row[f"{metric.name}_se"] = values.standard_error if values else math.nan
    row["seconds"] = round(trial.seconds, 2)
    row["reason"] = trial.reason or None
    return {**row, **{name: trial.values.get(name) for name in record.spec.space.searched}}


def sorted_rows(found: Sequence[Row], column: str, family: Family[Any, Any]) -> list[Row]:
    """Sort rows by a column; "score" puts full trials first, best first, then the others by epochs reached.

    Args:
        found: The rows.
        column: A column's name, "time" or "score".
        family: The family that was searched.

    Returns:
        The rows in order; those without a number last.

    Raises:
        BadInputError: If there is no such column.
    """
    objective = family.metrics[0]
    if column == "score":

        def by_score(row: Row) -> tuple[bool, int, float]:
            value = row[objective.name]
            return (
                row["state"] != "COMPLETE",
                -row["epochs"],
                objective.cost(value) if math.isfinite(value) else math.inf,
            )

        return sorted(found, key=by_score)
    column = "seconds" if column == "time" else column
    if found and column not in found[0]:
        raise unknown("column", column, found[0], "--sort")

    def by_column(row: Row) -> tuple[int, float, str]:
        value = row[column]
        if value is None:
            return 2, 0.0, ""
        if isinstance(value, str):
            return 1, 0.0, value
        return (0, float(value), "") if math.isfinite(value) else (2, 0.0, "")

    return sorted(found, key=by_column)


def print_table(record: SearchRecord, family: Family[Any, Any], found: Sequence[Row]) -> None:
    """Print the rows, each with the settings that differ from the family's defaults, or the reason of its failure.

    These are beside the other columns where there is room, else below them. Rich's own tables take a millisecond a row,
    too slow for thousands of trials.
    """
    fixed = _aligned(_fitting(_columns(found, family), out.width))
    beside = out.width - len(fixed[0]) >= _LEAST_BESIDE
    indent = len(fixed[0]) if beside else _INDENT
    segments: list[Segment] = []

    def add(line: str, last: str, first: Style, second: Style) -> None:
        parts = textwrap.wrap(last, out.width - indent, break_long_words=False, break_on_hyphens=False)
        words = f"\n{' ' * indent}".join(parts).replace(_NO_BREAK, " ")
        segments.append(Segment(line if beside else f"{line.rstrip()}\n{' ' * indent}", first))
        segments.append(Segment(f"{words}\n", second))

    bold, dim = Style(bold=True), Style(dim=True)
    add(fixed[0], "searched settings that differ from the defaults", bold, bold if beside else dim)
    defaults = family.spec_type.defaults()
    for row, line in zip(found, fixed[1:], strict=True):
        settings = {name: row[name] for name in record.spec.space.searched if row[name] is not None}
        words = settings_line(settings, defaults).replace(" ", _NO_BREAK).replace(f",{_NO_BREAK}", ", ")
        colour = Style(color="red") if row["state"] == "FAIL" else Style.null()
        add(line, row["reason"] or words, colour, colour + dim)
    out.print(Segments(segments), end="", soft_wrap=True)


def _columns(found: Sequence[Row], family: Family[Any, Any]) -> dict[str, list[str]]:
    """Return the cells of each column by its title."""
    scores = {
        metric.name.replace("_", " "): [interval(row[metric.name], row[f"{metric.name}_se"]) for row in found]
        for metric in family.columns
    }
    return {
        "trial": [f"#{row['number']}" for row in found],
        "state": [state_word(row["state"]) for row in found],
        "epochs": [str(row["epochs"]) for row in found],
        **scores,
        "time": [duration(row["seconds"]) for row in found],
    }


def _fitting(columns: dict[str, list[str]], width: int) -> dict[str, list[str]]:
    """Drop columns until the rest fit: first scores other than the objective, then the time, then the epochs."""
    _, _, epochs, _, *rest = columns
    kept = dict(columns)
    for name in (*rest, epochs):
        if sum(max(map(len, (head, *cells))) + 2 for head, cells in kept.items()) <= width:
            break
        del kept[name]
    return kept


def _aligned(columns: dict[str, list[str]]) -> list[str]:
    """Return the titles, then each row, as one string; each column is as wide as its widest cell and two spaces."""
    padded: list[list[str]] = []
    for head, cells in columns.items():
        width = max(map(len, (head, *cells)))
        align = ">" if head in _NUMBERS else "<"
        padded.append([f"{cell:{align}{width}}  " for cell in (head, *cells)])
    return ["".join(line) for line in zip(*padded, strict=True)]
