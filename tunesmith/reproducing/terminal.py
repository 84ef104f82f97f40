"""Experiments on a terminal: their list, a table and verdicts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from tunesmith.console import new_table, out, print_json
from tunesmith.figures import duration
from tunesmith.program import command

if TYPE_CHECKING:
    from models.experiments import Experiment, GridExperiment


def print_list(experiments: "Sequence[Experiment | GridExperiment]", *, as_json: bool) -> None:
    """Print the experiments with their times, or as JSON."""
    if as_json:
        keys = ("name", "title", "source", "seconds")
        print_json([{key: getattr(each, key) for key in keys} for each in experiments])
        return
    table = new_table("experiment", "time of one seed")
    table.add_column("what", overflow="fold")
    for each in experiments:
        table.add_row(each.name, f"about {duration(each.seconds)}", each.title)
    out.print(table)
    out.print("[dim]times are for one processor and the default corpus; trials run at the same time on several[/]")
    out.print(f"[dim]{escape(command('reproduce', experiments[0].name))} runs one[/]", soft_wrap=True)


def print_table(title: str, name: str, table: tuple[Sequence[str], Sequence[Sequence[str]]]) -> None:
    """Print a table, its titles and its cells, under a title."""
    titles, cells = table
    shown = new_table()
    for column in titles:
        shown.add_column(column, overflow="fold", no_wrap=column not in {"setting", "verdict"})
    for row in cells:
        shown.add_row(*map(escape, row))
    out.print(f"[bold]{name}[/]: {escape(title)}", soft_wrap=True)
    out.print(shown)


def print_summary(text: str, files: Sequence[Path]) -> None:
    """Print the verdicts, and where the page is if one was written."""
    out.print(text, markup=False, soft_wrap=True)
    if files:
        out.print(f"[dim]the page: {escape(str(files[1]))}[/]", soft_wrap=True)
