"""``tunesmith ui``: MLflow's own UI on the store of a home folder."""

import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from data_prep.errors import BadInputError
from tunesmith.console import err
from tunesmith.home import home_folder
from tunesmith.options import Home


def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on; the default is reachable from here alone.")] = (
        "127.0.0.1"
    ),
    home: Home = None,
) -> None:
    """Open MLflow's UI on the searches of this folder: runs, curves, parameters, artifacts. Ctrl-C ends it.

    It answers as localhost:PORT and HOST:PORT alone, so a tunnel to it has the same port at both ends:
    ssh -L 5000:localhost:5000 MACHINE. It asks for no password: whoever reaches --host can read and change all.

    Examples:
        tunesmith ui

        tunesmith ui --port 5001 --home other-runs/
    """
    from search.tracking.client import default_uri
    from search.tracking.store_file import sqlite_file
    from tunesmith.ui_server import refuse_unusable

    folder = home_folder(home)
    file = sqlite_file(default_uri(folder))
    if file is None or not file.exists():
        raise BadInputError(
            f"nothing is tracked yet in {folder}; run 'tunesmith search composer' first, or name --home"
        )
    refuse_unusable(host, port)
    with suppress(KeyboardInterrupt), _ended_like_by_ctrl_c():
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
        err.print(
            f"MLflow's UI on {folder} (Ctrl-C ends it), with the runs of each family:", markup=False, soft_wrap=True
        )
        for name, page in pages.items():
            err.print(f"  {name}  {server.root}{page}", markup=False, soft_wrap=True)
        server.wait()


@contextmanager
def _ended_like_by_ctrl_c() -> Generator[None]:
    """Let SIGTERM and a closed terminal end what runs in it as Ctrl-C does: the server is ended too."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # as under nohup
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
