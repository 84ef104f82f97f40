"""The runs in MLflow of a search that does not run: opening their store, deleting and renaming them."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError
from search.passwords import first_line, without_password
from search.tracking.client import NOTE, PROMOTION_RUN, SEARCH_RUN, all_pages, check_tracking, connect, quieten
from search.tracking.notes import renamed_note
from search.tracking.store_file import missing_file
from search.tracking.views import VIEW_TAG, search_view
from search.tracking.views import renamed as renamed_view

if TYPE_CHECKING:
    from mlflow import MlflowClient


def delete_runs(uri: str, family: str, study: str) -> int:
    """Move a search's runs to MLflow's deleted stage, except those of promotions, which registered models refer to.

    Args:
        uri: The URI of MLflow's store.
        family: The search's family.
        study: The unique id of its study.

    Returns:
        The number of runs.

    Raises:
        BadInputError: If the store cannot be used.
    """
    if missing_file(uri) is not None:
        return 0
    with opened(uri) as client:
        runs = [run for run in _runs(client, family, study) if run.data.tags.get("kind") != PROMOTION_RUN]
        for run in runs:
            client.delete_run(run.info.run_id)
        for experiment, key, _ in _view(client, family, study):
            client.delete_experiment_tag(experiment, key)
        return len(runs)


def rename_runs(uri: str, family: str, study: str, old: str, new: str) -> None:
    """Write a search's new name into its runs; repeating it changes nothing.

    Args:
        uri: The URI of MLflow's store.
        family: The search's family.
        study: The unique id of its study.
        old: The old name of the search.
        new: The new name.

    Raises:
        BadInputError: If the store cannot be used.
    """

    def renamed(name: str) -> str:
        return new if name == old else name.replace(f"{old}/", f"{new}/", 1) if name.startswith(f"{old}/") else name

    if missing_file(uri) is not None:
        return
    with opened(uri) as client:
        for run in _runs(client, family, study):
            run_id, tags = run.info.run_id, run.data.tags
            client.update_run(run_id, name=renamed(run.info.run_name))
            client.set_tag(run_id, "search", new)
            if tags.get("kind") == SEARCH_RUN and "winner" in tags:
                client.set_tag(run_id, "winner", renamed(tags["winner"]))
                client.set_tag(run_id, NOTE, renamed_note(tags.get(NOTE, ""), old, new))
        for experiment, key, value in _view(client, family, study):
            client.set_experiment_tag(experiment, key, renamed_view(value, new))


@contextmanager
def opened(uri: str) -> "Generator[MlflowClient]":
    """Yield the client of a store; an error of MLflow in the block becomes a BadInputError."""
    quieten()
    check_tracking(uri)
    from mlflow.exceptions import MlflowException

    try:
        yield connect(uri)
    except MlflowException as error:
        raise BadInputError(
            "MLflow's store must be usable",
            f"{without_password(uri)} is not",
            first_line(error, uri),
            "check that its server runs, and run the same command again",
        ) from error


def _runs(client: Any, family: str, study: str) -> Sequence[Any]:
    experiment = client.get_experiment_by_name(family)
    if experiment is None:
        return ()
    return list(all_pages(client.search_runs, [experiment.experiment_id], f"tags.study = '{study}'"))


def _view(client: Any, family: str, study: str) -> Sequence[tuple[str, str, str]]:
    """Return the experiment, the tag and its value of a search's view; none if it has no view."""
    experiment, key = client.get_experiment_by_name(family), VIEW_TAG + search_view(study)
    if experiment is None or key not in experiment.tags:
        return ()
    return ((experiment.experiment_id, key, experiment.tags[key]),)
