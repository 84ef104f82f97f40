"""Delete a search: its runs in MLflow, its files in a shared storage, its study and its folder, in this order.

A deletion that was killed is repeated by the same command: the search is in the list until its folder is moved away,
which is one step.
"""

import shutil
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import optuna

from data_prep.errors import Action, BadInputError
from models.families import family as find_family
from search.promotion.registry import Registry
from search.spec.file import load
from search.spec.whole_search import SearchSpec
from search.study.database import folder, holding, names
from search.study.homes import no_search
from search.study.lease import RunningAlreadyError
from search.tracking.client import tracking_uri
from search.tracking.past_runs import delete_runs
from search.trials.storage import STORAGE_KEY, place_in

_TRASH = ".deleted-"
"""Beginning of the name of a deleted search's folder until its files are removed; no search has such a name."""


@dataclass(frozen=True)
class Deleted:
    """A deleted search.

    Attributes:
        name: Its name.
        num_runs: Number of its runs that were moved to MLflow's deleted stage.
        left: The folder with the files that could not be removed; None if there are none.
    """

    name: str
    num_runs: int
    left: Path | None


def stored_search(home: Path, name: str) -> SearchSpec:
    """Return a search of a home folder as its search file says; raise BadInputError if there is none."""
    path = folder(home, name) / "search.toml"
    if not path.exists():
        raise no_search(home, name, names(home))
    return load(path, overrides={"name": name}, stored=True)


def delete(home: Path, name: str, say: Callable[[str], None]) -> Deleted:
    """Delete a search.

    Args:
        home: The home folder.
        name: The search's name.
        say: Called with a message for the user before waiting for a driver that may be dead.

    Returns:
        What was deleted.

    Raises:
        BadInputError: If there is no such search, a process uses it, one of its models is the champion, or a service
            that has parts of it cannot be used.
    """
    search, place = stored_search(home, name), folder(home, name)
    uri = tracking_uri(search, home)
    num_runs = 0
    with ExitStack() as stack:
        try:
            study, storage = stack.enter_context(holding(search, find_family(search.family), place, say))
        except RunningAlreadyError as error:
            raise in_use("deleted", name, error) from None
        study_id = study.user_attrs.get("id")  # None if a deletion was killed after that of the study
        if study_id is not None:
            check_not_champion(Registry(uri, home), search.family, name, study_id)
            num_runs = delete_runs(uri, search.family, study_id)
            for url in {search.storage.url, str(study.user_attrs.get(STORAGE_KEY, ""))} - {""}:
                place_in(url, study.study_name, study_id).clear()
        if search.study.url:
            optuna.delete_study(study_name=study.study_name, storage=storage)
        trash = place.with_name(f"{_TRASH}{name}-{uuid.uuid4().hex[:8]}")
        place.rename(trash)
    for left in place.parent.glob(f"{_TRASH}*"):  # those of earlier deletions, if they were killed
        shutil.rmtree(left, ignore_errors=True)
    return Deleted(name, num_runs, trash if trash.exists() else None)


def in_use(what: str, name: str, error: BadInputError) -> BadInputError:
    """Return the error for a search that is deleted or renamed while a process runs or promotes it."""
    return BadInputError(
        f"a search can be {what} only while no process runs or promotes it",
        f"{name} is in use",
        error.where,
        "stop that process with Ctrl-C, or wait for it",
    )


def check_not_champion(registry: Registry, family: str, name: str, study: str) -> None:
    """Raise BadInputError if the family's champion was made from a trial of the study with this id."""
    champion = registry.champion(family)
    if champion is not None and champion.tags.get("study") == study:
        raise BadInputError(
            "a search whose model is the champion is not deleted",
            f"{champion.reference} was made from {name}/{champion.trial}",
            remedy="promote another search first, or make the previous champion the champion again",
            action=Action("roll back", {"family": family}),
        )
