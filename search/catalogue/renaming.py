"""Rename a search: its runs and registered models in MLflow, then its folder, whose name is the search's name.

The study in the journal keeps its name, and with it the place of the trials' files in a shared storage. The folder is
renamed last and in one step, so a search that was killed before that has its old name and can be renamed again.
"""

from collections.abc import Callable
from pathlib import Path

from data_prep.errors import Action, BadInputError
from search.catalogue.deletion import in_use, stored_search
from search.passwords import without_password
from search.promotion.registry import Registry
from search.study.database import folder, read_search, write_search
from search.study.folder_lock import FileLeaseRecord, folder_lock
from search.study.lease import RunningAlreadyError, held
from search.tracking.client import tracking_uri
from search.tracking.past_runs import rename_runs


def rename(home: Path, old: str, new: str, say: Callable[[str], None]) -> None:
    """Rename a search.

    Args:
        home: The home folder.
        old: The search's name.
        new: Its new name.
        say: Called with a message for the user before waiting for a driver that may be dead.

    Raises:
        BadInputError: If there is no such search, the new name is taken or not legal, a process uses the search, its
            study is in a database, or MLflow's store cannot be used.
    """
    search, place, target = stored_search(home, old), folder(home, old), folder(home, new)
    if target.exists():
        raise BadInputError(
            "a new name must not be in use", f"there is {target}", remedy="choose another, or delete that search first"
        )
    if search.study.url:
        raise BadInputError(
            "only a search whose study is in the home folder can be renamed",
            f"the study of {old} is in {without_password(search.study.url)}",
            "Optuna finds a study there by its name",
            "start a search with the new name",
            Action("rename search"),
        )
    try:
        with folder_lock(place, old):
            with held(FileLeaseRecord(place / "driver.json"), old, say):
                study = read_search(home, old).study
            uri = tracking_uri(search, home)
            rename_runs(uri, search.family, study, old, new)
            Registry(uri, home).rename_search(search.family, study, new)
            place.rename(target)
            write_search(stored_search(home, new), target)
    except RunningAlreadyError as error:
        raise in_use("renamed", old, error) from None
