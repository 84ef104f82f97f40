"""The list of the searches of a home folder, as a table and as plain values."""

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from models.families import family as find_family
from search.catalogue.listing import Entry
from tunesmith.console import err, new_table, print_fitting
from tunesmith.figures import byte_size, with_error

_STYLES = {"running": "bold green", "unreadable": "red"}


def as_data(entry: Entry) -> dict[str, Any]:
    """Return a search as plain values."""
    record, best = entry.record, entry.best
    spec = record.spec if record is not None else None
    objective = find_family(spec.family).metrics[0] if spec is not None else None
    return {
        "name": entry.name,
        "family": spec.family if spec is not None else None,
        "corpus": spec.data.title if spec is not None else None,
        "state": entry.state,
        "process": str(record.driver) if record is not None and record.driver is not None else None,
        "trials": len(record.trials) if record is not None else None,
        "finished": sum(trial.is_final for trial in record.trials) if record is not None else None,
        "budget": spec.budget.trials if spec is not None else None,
        "objective": objective.name if objective is not None else None,
        "best": best.mean if best is not None else None,
        "best_se": best.standard_error if best is not None else None,
        "unit": objective.unit if objective is not None else None,
        "seconds": record.seconds if record is not None else None,
        "size_bytes": entry.size_bytes,
        "latest": entry.latest.isoformat(timespec="seconds"),
        "problem": entry.problem or None,
    }


def print_list(entries: Sequence[Entry]) -> None:
    """Print searches as a table, and why some cannot be read."""
    table = new_table("search", "family", "corpus", "state")
    for title in ("trials", "best", "size", "newest epoch"):
        table.add_column(title, no_wrap=True, justify="left" if title == "best" else "right")
    for entry in entries:
        row, best = as_data(entry), entry.best
        table.add_row(
            escape(entry.name),
            row["family"] or "",
            escape(row["corpus"] or ""),
            entry.state,
            f"{row['finished']} of {row['budget']}" if entry.record else "",
            f"{with_error(best)} {row['unit']}" if best else "",
            byte_size(entry.size_bytes),
            f"{entry.latest.astimezone():%Y-%m-%d %H:%M}",
            style=_STYLES.get(entry.state),
        )
    print_fitting(table, "newest epoch", "size", "corpus", "family", "trials")
    for entry in entries:
        if entry.problem:
            err.print(f"{entry.name} cannot be read: {entry.problem}", markup=False, soft_wrap=True)
