"""``tunesmith report``: one HTML file about one or several searches."""

from pathlib import Path
from typing import Annotated

import typer

from data_prep.errors import BadInputError
from tunesmith.console import err, open_page, out
from tunesmith.figures import byte_size
from tunesmith.home import home_folder
from tunesmith.options import Force, Home
from tunesmith.progress_bar import Bar


def report(
    searches: Annotated[list[str], typer.Argument(help="Names of searches.", metavar="NAME...")],
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
    from data_prep.storage import user_files
    from search.study.database import read_search
    from tunesmith.reports.page.document import document
    from tunesmith.reports.page.winner import winner_music

    path = target or Path(f"{searches[0]}.html")
    if path.suffix.lower() not in (".html", ".htm"):
        raise BadInputError("the file of a report ends in .html", f"got {str(path)!r}", "--out")
    if not path.absolute().parent.is_dir():
        raise BadInputError("the folder of a report must exist", f"{path.absolute().parent} does not", "--out")
    user_files.check_new([path], replace=force)
    folder = home_folder(home, make=False)
    records = [read_search(folder, name) for name in dict.fromkeys(searches)]
    with Bar() as bar:
        music = {record.spec.name: winner_music(record, folder, bar) for record in records}
    with err.status("drawing the figures ..."):
        page = document(records, music).encode()
    try:
        user_files.write(path, page, replace=force)
    except OSError as error:
        raise BadInputError("the report could not be written", error.strerror or str(error), str(path)) from None
    out.print(f"{path} ({byte_size(len(page))})", markup=False, soft_wrap=True)
    if show:
        open_page(path.absolute().as_uri())
