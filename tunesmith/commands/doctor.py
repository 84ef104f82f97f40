"""``tunesmith doctor``: check a search, and where it would run, before it takes hours."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data_prep.wording import counted
from tunesmith.console import err, out, print_json
from tunesmith.home import home_folder
from tunesmith.options import Address, AsJson, Home

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tunesmith.doctor.finding import Finding

_WORDS = {"green": "[green]ok[/]  ", "yellow": "[yellow]warn[/]", "red": "[bold red]FAIL[/]"}
"""Each level in words of equal width, so that it can be read without colours."""

_FAILED, _INTERRUPTED = 1, 130
"""Exit statuses."""


def doctor(
    what: Annotated[
        str | None,
        typer.Argument(
            help="The search to check, as for 'tunesmith search'.",
            metavar="WHAT",
            show_default="the first family's built-in search",
        ),
    ] = None,
    address: Address = None,
    storage: Annotated[
        str | None,
        typer.Option(help="Where trials would save.", show_default="as the search says", metavar="DIR|URL"),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check everything a search needs, and say how to fix what is wrong.

    The exit status is 0 if no check failed, else 1. Prepared data stays in the
    cache, and the measured memory of a GPU in the search's folder; nothing else
    is kept.

    Examples:
        tunesmith doctor

        tunesmith doctor my-search.toml --address 10.0.0.5:6379

        tunesmith doctor composer --address 10.0.0.5:6379 --storage s3://bucket/searches
    """
    from models.families import default_family
    from search.tracking.client import quieten
    from tunesmith.searching.chosen import chosen_search

    quieten()
    folder = home_folder(home)
    spec = chosen_search(what or default_family().name, folder, {"storage.url": storage} if storage else {})
    from tunesmith.doctor.checks import examine
    from tunesmith.doctor.context import Context

    with err.status("starting ...") as status:
        context = Context(spec, folder, address, lambda text: status.update(f"{text} ..."))
        try:
            findings = _shown(examine(context), as_json=as_json)
        except KeyboardInterrupt:
            err.print("stopped: the remaining checks were not run")
            raise typer.Exit(_INTERRUPTED) from None
    counts = Counter(finding.level for finding in findings)
    if as_json:
        print_json(_as_data(findings))
    else:
        out.print(_summary(counts))
    if counts["red"]:
        raise typer.Exit(_FAILED)


def _shown(findings: "Iterable[Finding]", *, as_json: bool) -> "list[Finding]":
    """Collect the findings; print each as it comes, unless they are printed as JSON in the end."""
    seen: list[Finding] = []
    for finding in findings:
        seen.append(finding)
        if not as_json:
            out.print(_line(finding), soft_wrap=True)
    return seen


def _line(finding: "Finding") -> str:
    from rich.markup import escape

    where = f"{finding.where}: " if finding.where else ""
    line = f"{_WORDS[finding.level]}  [bold]{finding.check:<9}[/] {escape(where + finding.text)}"
    return f"{line}; {escape(finding.remedy)}" if finding.remedy else line


def _summary(counts: "Counter[Any]") -> str:
    total = counted(counts.total(), "finding")
    if counts["red"]:
        rest = f", {counted(counts['yellow'], 'warning')}" if counts["yellow"] else ""
        return f"[bold red]a search would fail: {counts['red']} of {total} failed[/]{rest}"
    if counts["yellow"]:
        return f"[yellow]a search runs: {counted(counts['yellow'], 'warning')} in {total}[/]"
    return f"[green]everything is fine[/]: {total}"


def _as_data(findings: "list[Finding]") -> dict[str, Any]:
    levels = [finding.level for finding in findings]
    return {
        "level": next((level for level in ("red", "yellow") if level in levels), "green"),
        "findings": [vars(finding) for finding in findings],
    }
