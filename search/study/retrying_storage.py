"""A study in a database that may be away for a while: the search waits for it, says so once, and continues.

Every statement that fails because the database is away is retried. The driver is the only writer, so what a try may
have committed before its connection broke can be read back: nothing is written twice. A library for retries (tenacity)
would leave all of it here: later tries that differ from the first, the lease's check before each, the stop on request.
"""

# Optuna is partly untyped:
# pyright: reportUnknownMemberType=false

import time
from collections.abc import Callable, Container, Sequence
from typing import Any, NoReturn, TypeVar

from optuna.distributions import BaseDistribution
from optuna.exceptions import DuplicatedStudyError, StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Engine, event, insert, make_url, select, update
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import IntegrityError, OperationalError

from data_prep.errors import BadInputError, one_line
from search.passwords import without_password
from search.private_apis import cached, study_attribute_table
from search.study.lease import StudyLostError, Waiting

_T = TypeVar("_T")
_PAUSES_S = (0.1, 1.0)
"""Seconds before the second try and, after doubling each time, at most before any later one."""

_POSTGRESQL = {
    "connect_timeout": 3,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
"""libpq's options, with which it notices in seconds that a machine is gone; those in the address take precedence."""

_LEASE = "lease"
_FREE = "null"


class DatabaseGoneError(BadInputError):
    """A database does not answer, or accepts nothing at the moment.

    Attributes:
        reason: Its driver's reason, in one line.
    """

    def __init__(self, url: str, reason: str) -> None:
        """Take an address, without its password, and the reason."""
        super().__init__("the study's database must be reachable", url, reason)
        self.reason = reason


def open_database(url: str) -> RDBStorage:
    """Open a database, making Optuna's tables if it is empty.

    Args:
        url: Its address as SQLAlchemy reads it.

    Returns:
        The storage; it raises DatabaseGoneError when the database is away.

    Raises:
        BadInputError: If it cannot be opened.
    """
    shown = without_password(url)
    try:
        parsed = make_url(url)
    except Exception:  # noqa: BLE001  (its message may hold a part of the password)
        raise BadInputError(
            "study.url is an address as SQLAlchemy reads it, driver://user@host/database", f"got {shown}"
        ) from None
    options: dict[str, Any] = {"pool_pre_ping": True}
    if parsed.drivername in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2"):
        options["connect_args"] = {name: value for name, value in _POSTGRESQL.items() if name not in parsed.query}
    try:
        storage = RDBStorage(url.replace("{", "{{").replace("}", "}}"), options)  # Optuna formats the address
    except Exception as error:  # noqa: BLE001  (every database driver has errors of its own)
        reason = _reason(error)
        if "no password supplied" in reason:
            raise BadInputError(
                "the study's database asks for a password, and tunesmith stores none",
                shown,
                remedy="set PGPASSWORD, or keep it in ~/.pgpass or the file that PGPASSFILE names, and run the same "
                "command again",
            ) from None
        raise DatabaseGoneError(shown, reason) from None

    def translate(context: ExceptionContext) -> None:
        if context.is_pre_ping:
            return  # the pool reconnects
        if context.is_disconnect or isinstance(context.sqlalchemy_exception, OperationalError):
            raise DatabaseGoneError(shown, _first_line(context.original_exception))

    event.listen(storage.engine, "handle_error", translate)
    return storage


def close_database(storage: RDBStorage) -> None:
    """Close all connections."""
    storage.remove_session()
    storage.engine.dispose()


def _reason(error: BaseException) -> str:
    if isinstance(error, StorageInternalError) and error.__cause__ is not None:
        error = error.__cause__
    return _first_line(getattr(error, "orig", None) or error)


def _first_line(error: BaseException) -> str:
    return one_line(error).removeprefix("connection failed: ")  # psycopg's


class RetryingStorage(BaseStorage):
    """Optuna's storage in a database, for a search's one driver, on its main thread.

    Finished trials are read once. With 500 trials an epoch takes 9 ms and a proposal 60, as with the first; without a
    cache every proposal reads all trials.
    """

    def __init__(
        self, database: RDBStorage, waiting: Waiting, before_writing: Callable[[], None] = lambda: None
    ) -> None:
        """Take an open database.

        Args:
            database: The database.
            waiting: What happens while this waits for it.
            before_writing: Called before every try to write; it may raise, and then nothing is written.
        """
        self.database = database
        self._cache: BaseStorage = cached(database)
        self._waiting, self._before_writing = waiting, before_writing
        self._num_trials: dict[int, int] = {}

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: the address may hold a password."""
        raise TypeError("a study's storage is not pickled, for its address may hold a password")

    def _ask(self, attempt: Callable[[], _T], again: Callable[[], _T] | None = None) -> _T:
        """Try until the database answers.

        Args:
            attempt: The first try.
            again: Any later one, if the one before may have been committed.

        Returns:
            What the successful try returned.

        Raises:
            StudyLostError: If the search was told to stop while it waited.
        """
        try:
            return attempt()
        except DatabaseGoneError as error:
            reason = error.reason
        if not self._waiting.stopped():
            self._waiting.say(f"the study's database does not answer ({reason}); the search waits for it")
        began, (pause, longest) = time.monotonic(), _PAUSES_S
        while True:
            if self._waiting.stopped():
                raise StudyLostError(
                    "the study's database must answer for a search to end in order",
                    f"it did not ({reason}) when the search was told to stop",
                    remedy="what is recorded is not lost, and the same command resumes",
                )
            time.sleep(pause)
            pause = min(2 * pause, longest)
            try:
                answer = (again or attempt)()
            except DatabaseGoneError as error:
                reason = error.reason
                continue
            seconds = time.monotonic() - began
            self._waiting.say(f"the study's database answers again after {seconds:.0f} s; the search continues")
            return answer

    def _write(self, attempt: Callable[[], _T], again: Callable[[], _T] | None = None) -> _T:
        def guarded(step: Callable[[], _T]) -> _T:
            self._before_writing()
            return step()

        return self._ask(lambda: guarded(attempt), lambda: guarded(again or attempt))

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Make a study; one of its name that appeared while the connection broke is this one."""

        def make() -> int:
            return self._cache.create_new_study(directions, study_name)

        def make_unless_made() -> int:
            try:
                return make()
            except DuplicatedStudyError:
                assert study_name is not None
                return self.database.get_study_id_from_name(study_name)

        return self._write(make, make_unless_made)

    def delete_study(self, study_id: int) -> None:
        """Remove a study."""
        self._write(lambda: self._cache.delete_study(study_id))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set a study's attribute."""
        self._write(lambda: self._cache.set_study_user_attr(study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set one of Optuna's attributes of a study."""
        self._write(lambda: self._cache.set_study_system_attr(study_id, key, value))

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the id of a study."""
        return self._ask(lambda: self._cache.get_study_id_from_name(study_name))

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the name of a study."""
        return self._ask(lambda: self._cache.get_study_name_from_id(study_id))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return whether a study's objective is minimised or maximised."""
        return self._ask(lambda: self._cache.get_study_directions(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Read a study's attributes."""
        return self._ask(lambda: self._cache.get_study_user_attrs(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Read Optuna's attributes of a study."""
        return self._ask(lambda: self._cache.get_study_system_attrs(study_id))

    def get_all_studies(self) -> list[Any]:
        """List all studies."""
        return self._ask(self._cache.get_all_studies)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Make a trial; one of the next number that appeared while the connection broke is this one."""
        if study_id not in self._num_trials:
            self._num_trials[study_id] = len(self.get_all_trials(study_id, deepcopy=False))
        number = self._num_trials[study_id]

        def make() -> int:
            return self._cache.create_new_trial(study_id, template_trial)

        def make_unless_made() -> int:
            try:
                trial_id = self.database.get_trial_id_from_study_id_trial_number(study_id, number)
            except KeyError:
                return make()
            self._cache.get_all_trials(study_id, deepcopy=False)  # so that the cache has it
            return trial_id

        trial_id = self._write(make, make_unless_made)
        self._num_trials[study_id] = number + 1
        return trial_id

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Store a hyperparameter; one that is stored already stays."""
        self._write(lambda: self._cache.set_trial_param(trial_id, param_name, param_value_internal, distribution))

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """Return the id of a trial."""
        return self._ask(lambda: self._cache.get_trial_id_from_study_id_trial_number(study_id, trial_number))

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Store a trial's state; if it has that state, a try whose connection broke has stored it."""

        def store() -> bool:
            return self._cache.set_trial_state_values(trial_id, state, values)

        def store_unless_stored() -> bool:
            return self.database.get_trial(trial_id).state == state or store()

        return self._write(store, store_unless_stored)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Store the objective after an epoch."""
        self._write(lambda: self._cache.set_trial_intermediate_value(trial_id, step, intermediate_value))

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set a trial's attribute."""
        self._write(lambda: self._cache.set_trial_user_attr(trial_id, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set one of Optuna's attributes of a trial."""
        self._write(lambda: self._cache.set_trial_system_attr(trial_id, key, value))

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Read a trial."""
        return self._ask(lambda: self._cache.get_trial(trial_id))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Read all trials."""
        return self._ask(lambda: self._cache.get_all_trials(study_id, deepcopy, states))


class DatabaseLeaseRecord:
    """A lease's record among a study's attributes; one statement replaces it only if it is unchanged."""

    def __init__(self, engine: Engine, study_id: int) -> None:
        """Name the study, in Optuna's tables."""
        self._engine = engine
        self._study_id = study_id
        self._table = table = study_attribute_table()
        self._value = table.value_json
        self._here = (table.study_id == study_id) & (table.key == _LEASE)

    @property
    def where(self) -> str:
        """The attribute in its database."""
        address = self._engine.url.render_as_string(hide_password=True)
        return f"the attribute {_LEASE!r} of study {self._study_id} in {without_password(address)}"

    def read(self) -> str | None:
        """Return its text, None if there is none."""
        with self._engine.begin() as connection:
            text = connection.execute(select(self._value).where(self._here)).scalar_one_or_none()
        return None if text == _FREE else text

    def replace(self, old: str | None, new: str | None) -> bool:
        """Replace the text that was read; see :class:`search.study.lease.LeaseRecord`."""
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
