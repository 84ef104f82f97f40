"""Commands to run after a search."""

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from models.family import Family
from search.spec.file import SearchSpec
from search.study.report import Configuration
from tunesmith.console import out
from tunesmith.names.use import use_command
from tunesmith.program import command


def next_commands(spec: SearchSpec, family: Family[Any, Any], winner: Configuration) -> Sequence[tuple[str, str]]:
    """Return commands to run next, each with its effect."""
    trial = f"{spec.name}/{winner.trial.number}"
    more = ("--time", "none", "--trials", str(2 * spec.budget.trials))
    use = use_command(family, "--trial", trial)
    return (
        *([(use, "make music with it")] if use else []),
        *([(command("studio", "--trial", trial), "the same on a web page")] if use else []),
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
