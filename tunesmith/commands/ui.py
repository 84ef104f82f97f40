"""``tunesmith ui``: MLflow's UI for the store of a home folder."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from data_prep.errors import BadInputError
from tunesmith.console import err
from tunesmith.home import home_folder
from tunesmith.options import Home
from tunesmith.program import command


def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 5000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default is reachable only from this machine.")
    ] = "127.0.0.1",
    home: Home = None,
) -> None:
    """Start MLflow's UI for the runs in the home folder. Press Ctrl-C to stop.

    The server answers only to the names localhost:PORT and HOST:PORT, so a
    tunnel needs the same port at both ends: ssh -L 5000:localhost:5000 MACHINE.
    There is no password: everyone who can reach --host can read and change
    everything.

    Examples:
        tunesmith ui

        tunesmith ui --port 5001 --home other-runs/
    """
    from search.tracking.client import default_uri
    from search.tracking.store_file import sqlite_file
    from tunesmith.serving.addresses import check_address
    from tunesmith.serving.running import interrupted_by_signals

    folder = home_folder(home)
    file = sqlite_file(default_uri(folder))
    if file is None or not file.exists():
        remedy = f"name another folder with --home, or run a search first: {command('search', 'composer')}"
        raise BadInputError("the home folder must have tracked runs", f"{folder} has none", remedy=remedy)
    check_address(host, port)
    with suppress(KeyboardInterrupt), interrupted_by_signals():
        _serve(folder, host, port)


def _serve(folder: Path, host: str, port: int) -> None:
    from search.tracking.client import default_uri, quieten, runs_pages
    from search.tracking.store_file import make_ready
    from tunesmith.ui_server import UiServer

    quieten()
    make_ready(default_uri(folder))
    with UiServer(default_uri(folder), folder, host, port) as server:
        with err.status("starting MLflow's server ..."):
            server.wait_until_it_answers()
            pages = runs_pages(default_uri(folder))
        title = f"MLflow's UI on {folder} (press Ctrl-C to stop), with the runs of each family:"
        err.print(title, markup=False, soft_wrap=True)
        for name, page in pages.items():
            err.print(f"  {name}  {server.root}{page}", markup=False, soft_wrap=True)
        server.wait()
