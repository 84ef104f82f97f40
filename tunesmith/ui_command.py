"""``tunesmith ui``: MLflow's own UI on the store of a home folder."""

import os
import sys
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
    """Open MLflow's UI on the searches of this folder: runs, curves, parameters, artifacts."""
    from search.store_file import make_ready, sqlite_file
    from search.tracking import default_uri, quieten

    folder = home_folder(home)
    file = sqlite_file(default_uri(folder))
    if file is None or not file.exists():
        raise BadInputError(
            f"nothing is tracked yet in {folder}; run 'tunesmith search composer' first, or name --home"
        )
    quieten()
    make_ready(default_uri(folder))
    pages = f"http://{host}:{port}/#/experiments?workflowType=machine_learning"  # MLflow's own first page is for chats
    err.print(f"MLflow's UI on {folder} (Ctrl-C ends it):", markup=False, soft_wrap=True)
    err.print(f"  {pages}", markup=False, soft_wrap=True)
    command = [sys.executable, "-P", "-m", "mlflow", "server", "--backend-store-uri", default_uri(folder)]
    command += ["--host", host, "--port", str(port), "--workers", "1"]
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    os.execv(sys.executable, command)  # noqa: S606  (an argument list, no shell)
