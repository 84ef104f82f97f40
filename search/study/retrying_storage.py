"""A study in a database that may be away for a while: the search waits for it, says so once, and continues.

Every statement that fails because the database is away is retried. The driver is the only writer, so what a try may
have committed before its connection broke can be read back: nothing is written twice. A library for retries (tenacity)
would leave all of it here: later tries that differ from the first, the lease's check before each, the stop on request.
"""

import time
from collections.abc import Callable, Container, Sequence
from typing import Any, NoReturn, TypeVar

from optuna.distributions import BaseDistribution
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.private_apis import cached
from search.study.connection import DatabaseGoneError
from search.study.lease import StudyLostError, Waiting

_T = TypeVar("_T")
_PAUSES_S = (0.1, 1.0)
"""Seconds before the second try and, after doubling each time, at most before any later one."""


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
