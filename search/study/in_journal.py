"""A study in a journal file in its search's folder: holding it as its driver, and reading it."""

from contextlib import ExitStack
from pathlib import Path

import optuna

from models.metrics import Metric
from search.spec.whole_search import SearchSpec
from search.study.folder_lock import FileLeaseRecord, driver_lock
from search.study.journal import Journal
from search.study.lease import LeaseRecord, Waiting
from search.study.writer import HeldStudy, make_study


def journal_path(place: Path) -> Path:
    """Return the journal in a search's folder."""
    return place / "study.journal"


def hold(stack: ExitStack, search: SearchSpec, place: Path, objective: Metric, waiting: Waiting) -> HeldStudy:
    """Hold a search by its folder and open its journal, until the stack is closed."""
    lease = stack.enter_context(driver_lock(place, search.name, waiting.say))
    journal = Journal(journal_path(place), writable=True)
    stack.callback(journal.close)
    storage = optuna.storages.JournalStorage(journal)
    return HeldStudy(make_study(storage, study_name(storage, search.name), objective), storage, lease)


def open_to_read(stack: ExitStack, url: str, place: Path) -> optuna.storages.JournalStorage:
    """Open a journal for reading, until the stack is closed; raise FileNotFoundError if there is none."""
    del url
    journal = Journal(journal_path(place), writable=False)
    stack.callback(journal.close)
    return optuna.storages.JournalStorage(journal)


def study_name(storage: optuna.storages.BaseStorage, search: str) -> str:
    """Return the name of the journal's only study, which a search keeps when it gets another name."""
    return next(iter(optuna.get_all_study_names(storage)), search)


def lease_record(storage: optuna.storages.BaseStorage, study: optuna.Study, place: Path) -> LeaseRecord:
    """Return the lease's record of a search."""
    del storage, study
    return FileLeaseRecord(place / "driver.json")
