"""A study in a database: holding it as its driver, reading it, and the record of its driver."""

from contextlib import ExitStack
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from models.metrics import Metric
from search.passwords import without_password
from search.private_apis import study_attribute_table, study_id
from search.spec.whole_search import SearchSpec
from search.study.connection import close_database, open_database
from search.study.folder_lock import folder_lock
from search.study.lease import LeaseRecord, Waiting, held
from search.study.retrying_storage import RetryingStorage
from search.study.writer import HeldStudy, make_study

_LEASE = "lease"
_FREE = "null"


def hold(stack: ExitStack, search: SearchSpec, place: Path, objective: Metric, waiting: Waiting) -> HeldStudy:
    """Open a database and hold the search by a lease on its study until the stack is closed.

    The folder's lock is not enough: other home folders may use the same study.
    """
    stack.enter_context(folder_lock(place, search.name))
    database = open_database(search.study.url)
    stack.callback(close_database, database)
    number = study_id(make_study(RetryingStorage(database, waiting), search.name, objective))
    lease = stack.enter_context(held(DatabaseLeaseRecord(database.engine, number), search.name, waiting.say))
    storage = RetryingStorage(database, waiting, before_writing=lease.check)
    return HeldStudy(make_study(storage, search.name, objective), storage, lease)


def open_to_read(stack: ExitStack, url: str, place: Path) -> RDBStorage:
    """Open a database for reading, until the stack is closed."""
    del place
    database = open_database(url)
    stack.callback(close_database, database)
    return database


def study_name(storage: RDBStorage, search: str) -> str:
    """Return the name of a search's study."""
    del storage
    return search


def lease_record(storage: RDBStorage, study: optuna.Study, place: Path) -> LeaseRecord:
    """Return the lease's record of a search."""
    del place
    return DatabaseLeaseRecord(storage.engine, study_id(study))


class DatabaseLeaseRecord:
    """A lease's record, stored as a study user attribute and updated by compare-and-swap."""

    def __init__(self, engine: Engine, study_id: int) -> None:
        """Initialize with the study's id in Optuna's tables."""
        self._engine = engine
        self._study_id = study_id
        self._table = table = study_attribute_table()
        self._value = table.value_json
        self._here = (table.study_id == study_id) & (table.key == _LEASE)

    @property
    def where(self) -> str:
        """The attribute and its database."""
        address = self._engine.url.render_as_string(hide_password=True)
        return f"the attribute {_LEASE!r} of study {self._study_id} in {without_password(address)}"

    def read(self) -> str | None:
        """Return the record's text, None if there is none."""
        with self._engine.begin() as connection:
            text = connection.execute(select(self._value).where(self._here)).scalar_one_or_none()
        return None if text == _FREE else text

    def replace(self, old: str | None, new: str | None) -> bool:
        """Replace the record's text; see :class:`search.study.lease.LeaseRecord`."""
        text = _FREE if new is None else new
        change = update(self._table).where(self._here, self._value == (_FREE if old is None else old))
        with self._engine.begin() as connection:
            if connection.execute(change.values(value_json=text)).rowcount:
                return True
        if old is not None:
            return False
        first = insert(self._table).values(study_id=self._study_id, key=_LEASE, value_json=text)
        try:
            with self._engine.begin() as connection:
                connection.execute(first)
        except IntegrityError:
            return False
        return True
