"""MLflow's tables in a home folder, which take MLflow seconds to make and are copied instead."""

import atexit
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path

from search.tracking.client import default_uri, quieten


@cache
def _made() -> Path:
    quieten()
    from mlflow import MlflowClient

    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        MlflowClient(tracking_uri=default_uri(folder)).get_experiment("0")
    return folder / "mlflow.db"


def lay_tables(home: Path) -> None:
    """Make a home folder with a store as MLflow makes it when it is first used."""
    home.mkdir(parents=True)
    shutil.copy(_made(), home / "mlflow.db")
