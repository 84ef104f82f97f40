"""The client of MLflow's store: the store's URI, a check that it can be used, experiments and artifacts.

MLflow and SQLAlchemy are imported when a store is opened: that takes a second, and MLflow reads environment variables.
"""

import logging
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError
from search.passwords import without_password
from search.spec.file import SearchSpec
from search.tracking.views import FAMILY_VIEW, VIEW_TAG, page_of, search_view

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # a request to create a run would create a second one
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # at ERROR, MLflow logs the traceback of every exception that it raises
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
PARENT = "mlflow.parentRunId"
"""The tag that makes a run the child of another."""

NOTE = "mlflow.note.content"
"""The tag with a run's description."""

SEARCH_RUN, PROMOTION_RUN = "search", "promotion"
"""Values of the tag ``kind``, which runs of trials do not have."""

_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}  # the default shows pages for chat models
_PAGE = 1000


def default_uri(home: Path) -> str:
    """Return the URI of the store in a home folder."""
    return f"sqlite:///{home / 'mlflow.db'}"


def tracking_uri(search: SearchSpec, home: Path) -> str:
    """Return the URI of the store that a search is tracked in."""
    return search.tracking.uri or default_uri(home)


def quieten() -> None:
    """Set MLflow's defaults for this program. Call it before anything imports MLflow; Ray does."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for name in ("alembic", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)


def check_tracking(uri: str) -> None:
    """Check that a store can be used.

    Args:
        uri: The store's URI.

    Raises:
        BadInputError: If MLflow does not support this kind of store, or the server does not answer.
    """
    shown = without_password(uri)
    if uri.startswith(("http://", "https://")):
        try:
            with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=5):  # noqa: S310  (http or https)
                return
        except (urllib.error.URLError, OSError) as error:
            raise BadInputError(
                "the tracking server must answer",
                f"{shown} does not",
                str(getattr(error, "reason", error)),
                "start it, or leave tracking.uri empty to use a store in the home folder",
            ) from None
    if not uri.startswith(("sqlite:///", "postgresql", "mysql")):
        raise BadInputError(
            "tracking.uri must be the URI of a database or a server (sqlite:///..., http://...)", f"got {shown!r}"
        )


def connect(uri: str) -> "MlflowClient":
    """Return a client for the runs and the registered models of a store; create the store if it is a new file."""
    from search.tracking.store_file import make_ready

    make_ready(uri)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def find_experiment(client: "MlflowClient", family: str, home: Path, uri: str) -> str:
    """Return the id of a family's experiment; create the experiment if it does not exist.

    Args:
        client: The store's client.
        family: The family's name, which is also the experiment's.
        home: The home folder. Artifacts go there, unless a server takes them.
        uri: The store's URI.

    Returns:
        The id.
    """
    experiment = client.get_experiment_by_name(family)
    if experiment is not None:
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
        return experiment.experiment_id
    location = None if uri.startswith("http") else (home / "mlartifacts" / family).as_uri()
    return client.create_experiment(family, artifact_location=location, tags=_EXPERIMENT_TAGS)


def experiments(client: "MlflowClient") -> list[Any]:
    """Return the experiments of a store, the newest first."""
    untyped: Any = client
    return list(untyped.search_experiments())


def runs_pages(uri: str, family: str | None = None, study: str | None = None) -> dict[str, str]:
    """Return the pages of MLflow's UI that list the runs of the experiments with runs.

    Args:
        uri: The store's URI.
        family: Only the experiment of this family, None for all.
        study: The unique id of the study of the search whose runs are listed, None for all searches.

    Returns:
        Paths on the server by experiment name, newest experiment first; in a view with the columns of the searches, if
        the experiment has one.
    """
    client = connect(uri)
    key = FAMILY_VIEW if study is None else search_view(study)
    return {
        each.name: page_of(each.experiment_id, key if VIEW_TAG + key in each.tags else None)
        for each in experiments(client)
        if family in {None, each.name} and client.search_runs([each.experiment_id], max_results=1)
    }


def all_pages(search: Callable[..., Any], *arguments: object, page_size: int = _PAGE) -> Iterator[Any]:
    """Yield all results of one of the client's search methods, which return a page at a time.

    Args:
        search: The client's method.
        *arguments: Its arguments.
        page_size: Results per page.

    Yields:
        The results.
    """
    token: str | None = None
    while True:
        page = search(*arguments, max_results=page_size, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def log_figure(client: "MlflowClient", run_id: str, figure: "Figure", name: str) -> None:
    """Log a figure as a PNG file of a run."""
    untyped: Any = client
    untyped.log_figure(run_id, figure, f"{name}.png")


def read_artifact(client: "MlflowClient", run_id: str, name: str) -> bytes:
    """Return the content of an artifact of a run."""
    untyped: Any = client
    with tempfile.TemporaryDirectory() as folder:
        return Path(untyped.download_artifacts(run_id, name, folder)).read_bytes()
