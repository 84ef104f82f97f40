"""``tunesmith report``: one HTML file about one or several searches."""

from pathlib import Path
from typing import Annotated

import typer

from tunesmith.completion import search_names
from tunesmith.console import open_page, out
from tunesmith.figures import byte_size
from tunesmith.home import home_folder
from tunesmith.options import Force, Home


def report(
    searches: Annotated[
        list[str], typer.Argument(help="Names of searches.", metavar="NAME...", autocompletion=search_names)
    ],
    target: Annotated[
        Path | None, typer.Option("--out", help="The file.", show_default="NAME.html", metavar="FILE")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    force: Force = False,
    home: Home = None,
) -> None:
    """Write a report of a search, or of several to compare: one HTML file that needs no network.

    The searches may still be running.

    Examples:
        tunesmith report composer --open

        tunesmith report composer composer-hour --out both.html
    """
    from tunesmith.reports.page.writing import write_report

    path = write_report(home_folder(home, make=False), searches, target, replace=force)
    out.print(f"{path} ({byte_size(path.stat().st_size)})", markup=False, soft_wrap=True)
    if show:
        open_page(path.absolute().as_uri())
