"""When a search ends: its trials are done, its time is up, a signal came, or a failure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ray.tune.stopper import NoopStopper, Stopper

from search.driver.failures import Failures
from search.spec.sections import Budget
from search.study.writer import Study

_LARGEST_SHARE = 0.25
"""Largest share of a search's time that is reserved for the work after the trials."""

Reason: TypeAlias = Literal["trials", "time", "interrupted"]
"""Why a search ended without a failure: its trials are done, its time is up, or a signal came."""


@dataclass
class StopRequest:
    """Whether the user, or the system, wants a search to end. A plain flag, since a signal handler sets it.

    Attributes:
        made: Whether the request was made.
    """

    made: bool = False


class Limit(Stopper):
    """Tells Ray Tune when to stop all trials, and why the search ends."""

    def __init__(
        self, study: Study, budget: Budget, failures: Failures, stop: StopRequest, later: Callable[[], float]
    ) -> None:
        """Take the budget.

        Args:
            study: The search's study.
            budget: Of the search.
            failures: What went wrong so far.
            stop: Whether the user, or the system, wants the search to end.
            later: Returns the seconds that the work after the trials still needs within the time.
        """
        self._study, self._budget, self._failures, self._stop = study, budget, failures, stop
        self._later = later
        self._time_is_up = False
        self.stopping = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a stopper that stops nothing: Ray snapshots it, and nobody reads the snapshot."""
        return (NoopStopper, ())

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Stop no single trial."""
        del trial_id, result
        return False

    def stop_all(self) -> bool:
        """Return whether all trials must stop now."""
        with self._failures.guard():
            self._study.check_held()
        self.stopping = self._failures.must_stop() or self._stop.made or self._is_time_up()
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
        if self._stop.made:
            return "interrupted"
        return "time" if self._is_time_up() else None

    def _is_time_up(self) -> bool:
        """Return whether the rest of the time is needed for the work after the trials; once true, it stays so."""
        left, time = self.seconds_left, self._budget.time
        if left is not None and time is not None and not self._time_is_up:
            self._time_is_up = left <= min(self._later(), _LARGEST_SHARE * time)
        return self._time_is_up
