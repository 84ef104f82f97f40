"""``tunesmith doctor``: every check of a search and of where it would run, before hours are spent."""

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
"""How each level is written, of equal width; a word says what the colour does."""

_UNWELL, _INTERRUPTED = 1, 130
"""Exit statuses."""


def doctor(
    what: Annotated[
        str,
        typer.Argument(help="What would be searched, as 'tunesmith search' takes it.", metavar="WHAT"),
    ] = "composer",
    address: Address = None,
    storage: Annotated[
        str | None,
        typer.Option(help="Where trials would save; as the search says unless said.", metavar="DIR|URL"),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check all that a search needs, with what to do about each thing that is not well.

    Exit status 0 if nothing failed, else 1. Of what it writes, prepared data stays in the cache, and what it
    measured of a GPU's memory in the search's folder.

    Examples:
        tunesmith doctor

        tunesmith doctor my-search.toml --address 10.0.0.5:6379

        tunesmith doctor composer --address 10.0.0.5:6379 --storage s3://bucket/searches
    """
    from search.tracking.client import quieten
    from tunesmith.searching.chosen import chosen_search

    quieten()
    folder = home_folder(home)
    spec = chosen_search(what, folder, {"storage.url": storage} if storage else {})
    from tunesmith.doctor.round import Round

    with err.status("starting ...") as status:
        checks = Round(spec, folder, address, lambda now: status.update(f"{now} ..."))
        try:
            found = _shown(checks.findings(), as_json=as_json)
        except KeyboardInterrupt:
            err.print("stopped: the rest was not looked at")
            raise typer.Exit(_INTERRUPTED) from None
    counts = Counter(finding.level for finding in found)
    if as_json:
        print_json(_as_data(found))
    else:
        out.print(_summary(counts))
    if counts["red"]:
        raise typer.Exit(_UNWELL)


def _shown(findings: "Iterable[Finding]", *, as_json: bool) -> "list[Finding]":
    """Print each finding as it comes, unless JSON is wanted in the end."""
    found: list[Finding] = []
    for finding in findings:
        found.append(finding)
        if not as_json:
            out.print(_line(finding), soft_wrap=True)
    return found


def _line(finding: "Finding") -> str:
    from rich.markup import escape

    where = f"{finding.where}: " if finding.where else ""
    line = f"{_WORDS[finding.level]}  [bold]{finding.check:<9}[/] {escape(where + finding.text)}"
    return f"{line}; {escape(finding.remedy)}" if finding.remedy else line


def _summary(counts: "Counter[Any]") -> str:
    if counts["red"]:
        rest = f", and {counts['yellow']} could be better" if counts["yellow"] else ""
        return f"[bold red]{counts['red']} of {counted(counts.total(), 'finding')} would break a search[/]{rest}"
    if counts["yellow"]:
        return f"[yellow]a search runs; {counts['yellow']} of {counted(counts.total(), 'finding')} could be better[/]"
    return f"[green]all is well[/]: {counted(counts.total(), 'finding')}"


def _as_data(found: "list[Finding]") -> dict[str, Any]:
    levels = [finding.level for finding in found]
    return {
        "level": next((level for level in ("red", "yellow") if level in levels), "green"),
        "findings": [vars(finding) for finding in found],
    }
