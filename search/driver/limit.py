"""When a search ends, and why."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from ray.tune.stopper import NoopStopper, Stopper

from data_prep.errors import BadInputError
from data_prep.storage.object_store import DISK_FULL, UnusableStoreError
from search.driver.recorder import Recorder
from search.spec.file import SearchSpec
from search.study.database import FINISHED, Study

_LARGEST_SHARE = 0.25
"""Largest share of a search's time that is reserved for the work after the trials."""

Reason: TypeAlias = Literal["trials", "time", "interrupted"]
"""Why a search ended: its trials are done, its time is up, or a signal came."""


class Limit(Stopper):
    """Says when the search ends, and why."""

    def __init__(
        self,
        study: Study,
        search: SearchSpec,
        recorder: Recorder,
        slots: int,
        *,
        later: Callable[[], float],
    ) -> None:
        """Take up the budget.

        Args:
            study: The search's study.
            search: The search.
            recorder: Where its events go.
            slots: Number of trials at once; more failures in a row than these are no coincidence.
            later: Returns the seconds that the work after the trials still needs within the time.
        """
        self._study, self._recorder = study, recorder
        self._budget = search.budget
        self._name = search.name
        self._later = later
        self._signal = self._time_is_up = False
        self._num_doubtful = max(5, 2 * slots + 1)
        self._all_fail = ""
        self.stopping = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a stopper that stops nothing: Ray snapshots it, and nobody reads the snapshot."""
        return (NoopStopper, ())

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Stop no single trial."""
        del trial_id, result
        return False

    def stop_all(self) -> bool:
        """Say whether all trials must stop now."""
        with self._recorder.guard():
            self._study.check_held()
            self._doubt()
        failed = bool(self._all_fail) or self._recorder.failure is not None
        self.stopping = self._signal or failed or self._is_time_up()
        return self.stopping

    @property
    def seconds_left(self) -> float | None:
        """Time that is left, None without a limit."""
        time = self._budget.time
        return None if time is None else max(0.0, time - self._study.seconds)

    @property
    def reason(self) -> Reason | None:
        """Why the search ends; None while there is more to do."""
        if self._study.num_finished >= self._budget.trials:
            return "trials"
        if self._signal:
            return "interrupted"
        return "time" if self._is_time_up() else None

    def _is_time_up(self) -> bool:
        """Return whether the rest of the time is needed for the work after the trials; once true, it stays so."""
        left, time = self.seconds_left, self._budget.time
        if left is not None and time is not None and not self._time_is_up:
            self._time_is_up = left <= min(self._later(), _LARGEST_SHARE * time)
        return self._time_is_up

    def signalled(self) -> None:
        """Take note that the user, or the system, wants an end."""
        self._signal = True

    def told_to_stop(self) -> bool:
        """Say whether the user, or the system, wants an end."""
        return self._signal

    def _doubt(self) -> None:
        """Give up when every trial of this start failed: the cause is not the hyperparameters."""
        ended = self._recorder.ended_now
        if set(ended) == {"FAIL"} and ended["FAIL"] >= self._num_doubtful:
            self._all_fail = self._recorder.first_failure

    def raise_failure(self) -> None:
        """Raise what broke the search, if anything did."""
        error = self._recorder.failure
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise BadInputError(
                f"a search needs room to write: {error.strerror} ({error.filename or 'its study'}); make room and "
                f"start it again: what is recorded is not lost (tunesmith search {self._name})"
            )
        if isinstance(error, UnusableStoreError):
            raise UnusableStoreError(
                f"{error}; then start it again: what is recorded is not lost (tunesmith search {self._name})"
            )
        if error is not None:
            raise error
        if self._all_fail:
            raise self._in_vain(f"the first trials all failed, so the search of {self._name} stopped", self._all_fail)
        counts = self._study.counts()
        only_failures = {state for state in FINISHED if counts.get(state)} == {"FAIL"}
        if only_failures and (self.reason == "trials" or (self.reason == "time" and not counts.get("WAITING"))):
            first = next(record.reason for record in self._study.records() if record.state == "FAIL")
            raise self._in_vain(f"every trial of {self._name} failed ({counts['FAIL']} in all)", first)

    def _in_vain(self, what: str, first: str) -> BadInputError:
        failed = next(record.number for record in self._study.records() if record.state == "FAIL")
        more = self._recorder.num_finished + self._budget.trials
        return BadInputError(
            f"{what}; the first error: {first}. See it happen with 'tunesmith trial --like {self._name}/{failed}'; "
            f"what failed counts as done, so once it is mended: tunesmith search {self._name} --trials {more}"
        )
