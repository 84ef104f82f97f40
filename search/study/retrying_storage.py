"""An Optuna storage that waits for a database that does not answer, notifies the user once, and continues.

Every call that fails because the database does not answer is retried. The driver is the only writer, so a retry can
read what the previous attempt committed before its connection broke: nothing is written twice. A retry library
(tenacity) would not cover the special parts: retries that differ from the first attempt, the lease check before each,
and the stop on request.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar, cast

from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.private_apis import cached
from search.study.lease import StudyLostError, Waiting
from search.study.states import DatabaseGoneError

_T = TypeVar("_T")
_Method = TypeVar("_Method", bound=Callable[..., Any])
_PAUSES_S = (0.1, 1.0)
"""Pauses before the second attempt and, after doubling each time, the maximum before later attempts (seconds)."""


def _reads(method: _Method) -> _Method:
    """Return a method that reads from the cached database, and retries while it does not answer."""

    def read(self: "RetryingStorage", *args: Any, **kwargs: Any) -> Any:
        return self.retry(lambda: getattr(self.cache, method.__name__)(*args, **kwargs))

    return cast("_Method", read)


def _writes(method: _Method) -> _Method:
    """Return a method that writes to the cached database, and retries likewise; writing twice must do no harm."""

    def write(self: "RetryingStorage", *args: Any, **kwargs: Any) -> Any:
        return self.write(lambda: getattr(self.cache, method.__name__)(*args, **kwargs))

    return cast("_Method", write)


class RetryingStorage(BaseStorage):
    """Optuna's storage in a database, for the only driver of a search, on its main thread.

    Finished trials are read once. With 500 trials an epoch takes 9 ms and a proposal 60 ms, as with the first trial;
    without a cache every proposal would read all trials.
    """

    def __init__(
        self, database: RDBStorage, waiting: Waiting, before_writing: Callable[[], None] = lambda: None
    ) -> None:
        """Initialize with an open database.

        Args:
            database: The database.
            waiting: The callbacks while the database does not answer.
            before_writing: Called before every attempt to write; if it raises, nothing is written.
        """
        self.database = database
        self.cache: BaseStorage = cached(database)
        self._waiting, self._before_writing = waiting, before_writing
        self._num_trials: dict[int, int] = {}

    def __reduce__(self) -> NoReturn:
        """Raise TypeError: the URL may contain a password."""
        raise TypeError("a study's storage cannot be pickled, because its URL may contain a password")

    def retry(self, attempt: Callable[[], _T], again: Callable[[], _T] | None = None) -> _T:
        """Retry a call until the database answers.

        Args:
            attempt: The first attempt.
            again: Later attempts, if the previous one may have been committed; by default the same.

        Returns:
            The result of the successful attempt.

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

    def write(self, attempt: Callable[[], _T], again: Callable[[], _T] | None = None) -> _T:
        """Retry a call that writes, like :meth:`retry`, with ``before_writing`` before each attempt."""

        def guarded(step: Callable[[], _T]) -> _T:
            self._before_writing()
            return step()

        return self.retry(lambda: guarded(attempt), lambda: guarded(again or attempt))

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Create a study; if a retry finds one of that name, the previous attempt created it."""

        def make() -> int:
            return self.cache.create_new_study(directions, study_name)

        def make_unless_made() -> int:
            try:
                return make()
            except DuplicatedStudyError:
                assert study_name is not None
                return self.database.get_study_id_from_name(study_name)

        return self.write(make, make_unless_made)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Create a trial; if a retry finds one with the next number, the previous attempt created it."""
        if study_id not in self._num_trials:
            self._num_trials[study_id] = len(self.get_all_trials(study_id, deepcopy=False))
        number = self._num_trials[study_id]

        def make() -> int:
            return self.cache.create_new_trial(study_id, template_trial)

        def make_unless_made() -> int:
            try:
                trial_id = self.database.get_trial_id_from_study_id_trial_number(study_id, number)
            except KeyError:
                return make()
            self.cache.get_all_trials(study_id, deepcopy=False)  # adds it to the cache
            return trial_id

        trial_id = self.write(make, make_unless_made)
        self._num_trials[study_id] = number + 1
        return trial_id

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Store a trial's state; if a retry finds that state, the previous attempt stored it."""

        def store() -> bool:
            return self.cache.set_trial_state_values(trial_id, state, values)

        def store_unless_stored() -> bool:
            return self.database.get_trial(trial_id).state == state or store()

        return self.write(store, store_unless_stored)

    delete_study = _writes(BaseStorage.delete_study)
    set_study_user_attr = _writes(BaseStorage.set_study_user_attr)
    set_study_system_attr = _writes(BaseStorage.set_study_system_attr)
    set_trial_param = _writes(BaseStorage.set_trial_param)
    set_trial_intermediate_value = _writes(BaseStorage.set_trial_intermediate_value)
    set_trial_user_attr = _writes(BaseStorage.set_trial_user_attr)
    set_trial_system_attr = _writes(BaseStorage.set_trial_system_attr)

    get_study_id_from_name = _reads(BaseStorage.get_study_id_from_name)
    get_study_name_from_id = _reads(BaseStorage.get_study_name_from_id)
    get_study_directions = _reads(BaseStorage.get_study_directions)
    get_study_user_attrs = _reads(BaseStorage.get_study_user_attrs)
    get_study_system_attrs = _reads(BaseStorage.get_study_system_attrs)
    get_all_studies = _reads(BaseStorage.get_all_studies)
    get_trial_id_from_study_id_trial_number = _reads(BaseStorage.get_trial_id_from_study_id_trial_number)
    get_trial = _reads(BaseStorage.get_trial)
    get_all_trials = _reads(BaseStorage.get_all_trials)
