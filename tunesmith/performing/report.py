"""The report of performed files, as text or as plain values."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from data_prep.wording import counted
from tunesmith.console import new_table, out

if TYPE_CHECKING:
    from data_prep.performances.arrays import Performance
    from tunesmith.performing.files import Performed


def plain(performed: "Performed") -> dict[str, Any]:
    """Return the report of one file as plain values."""
    rows = [_row(performed, name) for name in performed.outputs]
    report = {"input": str(performed.source), "notes": performed.before.num_notes, "performances": rows}
    return report | ({"markings": _markings(performed)} if performed.markings else {})


def print_files(reports: Sequence[dict[str, Any]]) -> None:
    """Print reports: a line for each performance, and a table of the markings of a score."""
    for report in reports:
        for row in report["performances"]:
            out.print(
                f"[bold]{escape(row['output'])}[/]  {escape(row['style'])}: "
                f"{counted(row['changed'], 'velocity')} changed; now {row['softest']} to {row['loudest']}, "
                f"mean {row['mean']:.0f}, spread {row['spread']:.0f}"
                + (f"; sound in {escape(row['sound'])}" if "sound" in row else ""),
                soft_wrap=True,
            )
        if markings := report.get("markings"):
            _print_markings(markings)


def _row(performed: "Performed", name: str) -> dict[str, Any]:
    """Return statistics of the velocities in a performance, for notes in the range of a piano."""
    from data_prep.pitches import has_key

    notes = performed.after[name]
    velocities = notes.velocity[has_key(notes.pitch)]
    row = {
        "style": name,
        "output": str(performed.outputs[name]),
        "changed": performed.changed[name],
        "mean": round(float(velocities.mean()), 1),
        "spread": round(float(velocities.std()), 1),
        "softest": int(velocities.min()),
        "loudest": int(velocities.max()),
    }
    return row | ({"sound": str(performed.sounds[name])} if performed.sounds else {})


def _markings(performed: "Performed") -> list[dict[str, Any]]:
    """Return the mean velocity of the notes under each marking, in the score and in each performance."""

    def mean(notes: "Performance", marking: str) -> float:
        return round(float(notes.velocity[performed.markings[marking]].mean()), 1)

    return [
        {
            "marking": marking,
            "notes": int(marked.sum()),
            "written": mean(performed.before, marking),
            "performed": {name: mean(notes, marking) for name, notes in performed.after.items()},
        }
        for marking, marked in performed.markings.items()
    ]


def _print_markings(markings: Sequence[dict[str, Any]]) -> None:
    table = new_table("marking", "notes", "written", *map(escape, markings[0]["performed"]))
    for row in markings:
        means = (f"{value:.0f}" for value in (row["written"], *row["performed"].values()))
        table.add_row(row["marking"], str(row["notes"]), *means)
    out.print(table)
