"""The table of a search's trials: as rows of plain values, and as a person reads it."""

import math
import textwrap
from collections.abc import Collection, Sequence
from typing import Any

from rich.segment import Segment, Segments
from rich.style import Style

from data_prep.errors import unknown
from models.family import Family
from search.study import SearchRecord, TrialRecord
from tunesmith.console import out
from tunesmith.figures import duration, interval, settings_line, state_word

Row = dict[str, Any]
"""One trial: number, state, epochs, seconds, each metric with its standard error, and its settings."""

_LEAST_WIDTH = 20
"""Of the last column, however narrow the terminal is."""


def rows(record: SearchRecord, family: Family[Any, Any]) -> list[Row]:
    """Give a row for each trial of a search."""
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
        The rows in order, what has no number last.

    Raises:
        BadInputError: If there is no such column.
    """
    objective = family.metrics[0]
    sign = 1 if objective.direction == "minimise" else -1
    if column == "score":

        def by_score(row: Row) -> tuple[bool, int, float]:
            value = row[objective.name]
            return row["state"] != "COMPLETE", -row["epochs"], sign * value if math.isfinite(value) else math.inf

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

    Rich's own tables take a millisecond a row, which a search of thousands of trials has no time for.
    """
    shown = [family.metrics[0], *(metric for metric in family.metrics[1:] if metric.name == "cv_loss")]
    defaults = family.spec_type.defaults()
    scores = [metric.name.replace("_", " ") for metric in shown]
    lines = [["trial", "state", "epochs", *scores, "time"]]
    for row in found:
        means = [interval(row[metric.name], row[f"{metric.name}_se"]) for metric in shown]
        taken = duration(row["seconds"])
        lines.append([f"#{row['number']}", state_word(row["state"]), str(row["epochs"]), *means, taken])
    fixed = _aligned(lines, right=(0, 2, len(lines[0]) - 1))
    indent, bold, dim = len(fixed[0]), Style(bold=True), Style(dim=True)
    segments = [Segment(f"{fixed[0]}settings that differ from the defaults\n", bold)]
    for row, line in zip(found, fixed[1:], strict=True):
        settings = {name: row[name] for name in record.spec.space.searched if row[name] is not None}
        last = row["reason"] or settings_line(settings, defaults)
        wrapped = textwrap.wrap(last, max(out.width - indent, _LEAST_WIDTH))
        colour = Style(color="red") if row["state"] == "FAIL" else Style.null()
        segments += [Segment(line, colour), Segment(f"\n{' ' * indent}".join(wrapped) + "\n", colour + dim)]
    out.print(Segments(segments), end="", soft_wrap=True)


def _aligned(lines: Sequence[Sequence[str]], right: Collection[int]) -> list[str]:
    """Give each line's cells as one string, every column as wide as its widest cell and two spaces."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligns = [">" if index in right else "<" for index in range(len(widths))]
    return [
        "".join(f"{cell:{align}{width}}  " for cell, align, width in zip(line, aligns, widths, strict=True))
        for line in lines
    ]
