"""The table of a search's trials: as rows of plain values, and as a person reads it."""

import math
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from data_prep.errors import unknown
from models.family import Family
from search.study import SearchRecord, TrialRecord
from tunesmith.console import out
from tunesmith.figures import duration, interval, settings_line, state_word

Row = dict[str, Any]
"""One trial: number, state, epochs, seconds, each metric with its standard error, and its settings."""


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
    row["reason"] = trial.reason
    return {**row, **{name: trial.values.get(name, "") for name in record.spec.space.searched}}


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
        if isinstance(value, str):
            return 1, 0.0, value
        return (0, float(value), "") if math.isfinite(value) else (2, 0.0, "")

    return sorted(found, key=by_column)


def print_table(record: SearchRecord, family: Family[Any, Any], found: Sequence[Row]) -> None:
    """Print the rows, each with the settings that differ from the family's defaults, or the reason of its failure."""
    shown = [family.metrics[0], *(metric for metric in family.metrics[1:] if metric.name == "cv_loss")]
    defaults = family.spec_type.defaults()
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("trial", "state", "epochs", *(metric.name.replace("_", " ") for metric in shown), "time"):
        table.add_column(title, no_wrap=True, justify="right" if title in ("trial", "epochs", "time") else "left")
    table.add_column("settings that differ from the defaults", style="dim", ratio=1)
    for row in found:
        scores = [interval(row[metric.name], row[f"{metric.name}_se"]) for metric in shown]
        settings = {name: row[name] for name in record.spec.space.searched if row[name] != ""}
        table.add_row(
            f"#{row['number']}",
            state_word(row["state"]),
            str(row["epochs"]),
            *scores,
            duration(row["seconds"]),
            row["reason"] or settings_line(settings, defaults),
            style="red" if row["state"] == "FAIL" else None,
        )
    out.print(table)
