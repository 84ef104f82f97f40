"""``tunesmith ui``: MLflow's UI for the store of a home folder."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from data_prep.errors import BadInputError
from tunesmith.completion import search_names
from tunesmith.console import err, open_page
from tunesmith.home import home_folder
from tunesmith.options import Home
from tunesmith.program import command


def ui(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A search, whose runs are shown.",
            metavar="NAME",
            show_default="all searches",
            autocompletion=search_names,
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 5000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default is reachable only from this machine.")
    ] = "127.0.0.1",
    show: Annotated[bool, typer.Option("--open", help="Open the runs in the browser.")] = False,
    home: Home = None,
) -> None:
    """Start MLflow's UI for the runs in the home folder. Press Ctrl-C to stop.

    The server answers only to the names localhost:PORT and HOST:PORT, so a
    tunnel needs the same port at both ends: ssh -L 5000:localhost:5000 MACHINE.
    There is no password: everyone who can reach --host can read and change
    everything.

    Examples:
        tunesmith ui

        tunesmith ui composer --open

        tunesmith ui --port 5001 --home other-runs/
    """
    from search.passwords import without_password
    from search.tracking.client import default_uri
    from search.tracking.store_file import sqlite_file
    from tunesmith.serving.addresses import check_address
    from tunesmith.serving.running import interrupted_by_signals

    folder = home_folder(home, make=False)
    store, family, study = (default_uri(folder), None, None) if name is None else _tracked(name, folder)
    if store.startswith("http"):
        _print_pages(without_password(store).rstrip("/"), _pages(store, family, study), show=show)
        return
    file = sqlite_file(store)
    if file is not None and not file.exists():
        remedy = f"name another folder with --home, or run a search first: {command('search', 'composer')}"
        raise BadInputError("the home folder must have tracked runs", f"{folder} has none", remedy=remedy)
    check_address(host, port)
    with suppress(KeyboardInterrupt), interrupted_by_signals():
        _serve(store, folder, (host, port), (family, study), show=show)


def _tracked(name: str, folder: Path) -> tuple[str, str, str]:
    """Return the store of a search's runs, the search's family, and the id of its study."""
    from search.study.database import read_search
    from search.tracking.client import tracking_uri

    record = read_search(folder, name)
    return tracking_uri(record.spec, folder), record.spec.family, record.study


def _pages(store: str, family: str | None, study: str | None) -> dict[str, str]:
    from search.tracking.client import check_tracking, quieten, runs_pages

    quieten()
    check_tracking(store)
    return runs_pages(store, family, study)


def _print_pages(root: str, pages: dict[str, str], *, show: bool) -> None:
    """Print the address of each page, and open the first."""
    for name, page in pages.items():
        err.print(f"  {name}  {root}{page}", markup=False, soft_wrap=True)
    if show and pages:
        open_page(root + next(iter(pages.values())))


def _serve(
    store: str, folder: Path, address: tuple[str, int], chosen: tuple[str | None, str | None], *, show: bool
) -> None:
    from search.tracking.client import quieten
    from search.tracking.store_file import make_ready
    from tunesmith.ui_server import UiServer

    quieten()
    make_ready(store)
    with UiServer(store, folder, *address) as server:
        with err.status("starting MLflow's server ..."):
            server.wait_until_it_answers()
            pages = _pages(store, *chosen)
        title = f"MLflow's UI on {folder} (press Ctrl-C to stop), with the runs of each family:"
        err.print(title, markup=False, soft_wrap=True)
        _print_pages(server.root, pages, show=show)
        server.wait()
