"""The table of a search's trials, as rows of plain values and on a terminal."""

import csv
import io
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
from tunesmith.figures import duration, interval, repeat_text, settings_line, state_word

Row = dict[str, Any]
"""A trial: number, state, epochs, seconds, each metric with its standard error, and its settings."""

_MIN_WIDTH = 40
"""Minimum width of the last column on the same line as the others; otherwise it is printed below them."""

_INDENT = 7
"""Indentation of the last column when it is printed below the others."""

_NUMBERS = ("trial", "epochs", "time")
"""Columns that are aligned to the right."""

_NO_BREAK = "\N{NO-BREAK SPACE}"
"""Separates a setting's name and its value."""


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
    row["confirms"] = trial.confirms
    return {**row, **{name: trial.values.get(name) for name in record.spec.space.searched}}


def csv_text(table: Sequence[Row]) -> str:
    """Return rows as CSV with a header."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in table for key in row))
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


def sorted_rows(unsorted: Sequence[Row], column: str, family: Family[Any, Any]) -> list[Row]:
    """Sort rows by a column.

    Args:
        unsorted: The rows.
        column: A column's name, "time" or "score". "score" sorts full trials by their score, best first, and then the
            other trials by their number of epochs.
        family: The family that was searched.

    Returns:
        The sorted rows; rows without a value are last.

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

        return sorted(unsorted, key=by_score)
    column = "seconds" if column == "time" else column
    if unsorted and column not in unsorted[0]:
        raise unknown("column", column, unsorted[0], "--sort")

    def by_column(row: Row) -> tuple[int, float, str]:
        value = row[column]
        if value is None:
            return 2, 0.0, ""
        if isinstance(value, str):
            return 1, 0.0, value
        return (0, float(value), "") if math.isfinite(value) else (2, 0.0, "")

    return sorted(unsorted, key=by_column)


def print_table(record: SearchRecord, family: Family[Any, Any], table: Sequence[Row]) -> None:
    """Print the rows, each with the settings that differ from the family's defaults, or the reason of a failure.

    This last column is printed below the others if the terminal is narrow. Rich's tables are not used, since they take
    a millisecond per row, and a search may have thousands of trials.
    """
    fixed = _aligned(_fitting(_columns(table, family), out.width))
    same_line = out.width - len(fixed[0]) >= _MIN_WIDTH
    indent = len(fixed[0]) if same_line else _INDENT
    segments: list[Segment] = []

    def add(line: str, last: str, first: Style, second: Style) -> None:
        parts = textwrap.wrap(last, out.width - indent, break_long_words=False, break_on_hyphens=False)
        words = f"\n{' ' * indent}".join(parts).replace(_NO_BREAK, " ")
        segments.append(Segment(line if same_line else f"{line.rstrip()}\n{' ' * indent}", first))
        segments.append(Segment(f"{words}\n", second))

    bold, dim = Style(bold=True), Style(dim=True)
    add(fixed[0], "searched settings that differ from the defaults", bold, bold if same_line else dim)
    defaults = family.spec_type.defaults()
    for row, line in zip(table, fixed[1:], strict=True):
        settings = {name: row[name] for name in record.spec.space.searched if row[name] is not None}
        words = settings_line(settings, defaults).replace(" ", _NO_BREAK).replace(f",{_NO_BREAK}", ", ")
        colour = Style(color="red") if row["state"] == "FAIL" else Style.null()
        words = words if row["confirms"] is None else repeat_text(row["confirms"])
        stopped = f"{row['reason']}; {words}" if row["reason"] and row["state"] == "PRUNED" else ""
        add(line, stopped or row["reason"] or words, colour, colour + dim)
    out.print(Segments(segments), end="", soft_wrap=True)


def _columns(table: Sequence[Row], family: Family[Any, Any]) -> dict[str, list[str]]:
    """Return the cells of each column by its title."""
    scores = {
        metric.name.replace("_", " "): [interval(row[metric.name], row[f"{metric.name}_se"]) for row in table]
        for metric in family.columns
    }
    return {
        "trial": [f"#{row['number']}" for row in table],
        "state": [state_word(row["state"]) for row in table],
        "epochs": [str(row["epochs"]) for row in table],
        **scores,
        "time": [duration(row["seconds"]) for row in table],
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
    """Return the titles and then each row as a string; a column is as wide as its widest cell and two spaces."""
    padded: list[list[str]] = []
    for head, cells in columns.items():
        width = max(map(len, (head, *cells)))
        align = ">" if head in _NUMBERS else "<"
        padded.append([f"{cell:{align}{width}}  " for cell in (head, *cells)])
    return ["".join(line) for line in zip(*padded, strict=True)]
