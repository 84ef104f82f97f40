"""What a search's run and its winner's run in MLflow get after the search has ended: its result, and files."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from search.tracking.client import NOTE, SEARCH_RUN, all_pages
from search.tracking.past_runs import opened

_WINNER = "tags.winner = 'yes'"


def log_result(uri: str, family: str, study: str, note: str, files: Mapping[str, bytes]) -> None:
    """Write the description and files of a search's run; repeating it replaces them.

    Args:
        uri: The URI of MLflow's store.
        family: The search's family.
        study: The unique id of its study.
        note: The description, in Markdown.
        files: Contents of files by name.

    Raises:
        BadInputError: If the store cannot be used.
    """
    with opened(uri) as client:
        for run_id in _run_ids(client, family, study, f"tags.kind = '{SEARCH_RUN}'"):
            client.set_tag(run_id, NOTE, note)
            with tempfile.TemporaryDirectory() as folder:
                for name, content in files.items():
                    Path(folder, name).write_bytes(content)
                client.log_artifacts(run_id, folder)


def has_file(uri: str, family: str, study: str, name: str) -> bool:
    """Return whether a search's run has a file; raise BadInputError if the store cannot be used."""
    with opened(uri) as client:
        runs = _run_ids(client, family, study, f"tags.kind = '{SEARCH_RUN}'")
        return any(file.path == name for run_id in runs for file in _listed(client, run_id))


def _listed(client: Any, run_id: str, folder: str | None = None) -> list[Any]:
    return client.list_artifacts(run_id, folder)


def log_winner_files(uri: str, family: str, study: str, name: str, make: Callable[[Path], None]) -> None:
    """Add a folder of files to the run of a search's winner, unless it has that folder.

    Args:
        uri: The URI of MLflow's store.
        family: The search's family.
        study: The unique id of its study.
        name: The folder's name among the run's artifacts.
        make: Writes the files into a folder.

    Raises:
        BadInputError: If the store cannot be used.
    """
    with opened(uri) as client:
        for run_id in _run_ids(client, family, study, _WINNER):
            if not _listed(client, run_id, name):
                with tempfile.TemporaryDirectory() as folder:
                    make(Path(folder))
                    client.log_artifacts(run_id, folder, name)


def _run_ids(client: Any, family: str, study: str, condition: str) -> list[str]:
    experiment = client.get_experiment_by_name(family)
    if experiment is None:
        return []
    query = f"{condition} and tags.study = '{study}'"
    return [run.info.run_id for run in all_pages(client.search_runs, [experiment.experiment_id], query)]
