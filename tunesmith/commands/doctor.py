"""``tunesmith doctor``: check a search and the nodes on which it would run."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data_prep.wording import counted
from tunesmith.console import err, out, print_json
from tunesmith.home import home_folder
from tunesmith.options import Address, AsJson, Home

if TYPE_CHECKING:
    from tunesmith.doctor.finding import Finding

_WORDS = {"green": "[green]ok[/]  ", "yellow": "[yellow]warn[/]", "red": "[bold red]FAIL[/]"}
"""The label of each level; labels have the same width."""

_FAILED, _INTERRUPTED = 1, 130
"""Exit statuses."""


def doctor(
    what: Annotated[
        str, typer.Argument(help="The search to check, as for 'tunesmith search'.", metavar="WHAT")
    ] = "composer",
    address: Address = None,
    storage: Annotated[
        str | None,
        typer.Option(help="Where trials save checkpoints.", show_default="as in the search", metavar="DIR|URL"),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check everything a search needs, and say how to fix what is wrong.

    The exit status is 0 if no check failed, else 1. Only the prepared data (in
    the cache) and the measured GPU memory (in the search's folder) are kept.

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
    from tunesmith.doctor.checks import examine
    from tunesmith.doctor.context import Context

    findings: list[Finding] = []
    with err.status("starting ...") as status:
        context = Context(spec, folder, address, lambda text: status.update(f"{text} ..."))
        try:
            for finding in examine(context):
                findings.append(finding)
                if not as_json:
                    out.print(_line(finding), soft_wrap=True)
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
        return f"[yellow]a search would run: {counted(counts['yellow'], 'warning')} in {total}[/]"
    return f"[green]everything is fine[/]: {total}"


def _as_data(findings: "list[Finding]") -> dict[str, Any]:
    levels = [finding.level for finding in findings]
    return {
        "level": next((level for level in ("red", "yellow") if level in levels), "green"),
        "findings": [vars(finding) for finding in findings],
    }
