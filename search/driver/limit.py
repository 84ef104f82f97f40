"""When a search ends: after its trials or its time, when it has converged, or on a signal or a failure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ray.tune.stopper import NoopStopper, Stopper

from search.driver.convergence import Convergence
from search.driver.failures import Failures
from search.study.writer import Study

_LARGEST_SHARE = 0.25
"""Largest share of a search's time that is reserved for the work after training."""

Reason: TypeAlias = Literal["trials", "converged", "time", "interrupted"]
"""Why a search ended without a failure: its trials are done, they gain too little, its time is up, or a signal came."""


@dataclass
class StopRequest:
    """A request of the user or the system to end a search; a plain flag, because a signal handler sets it.

    Attributes:
        made: Whether the request was made.
    """

    made: bool = False


class Limit(Stopper):
    """Ray Tune's stopper, which stops all trials at the end of a search, and the reason of the end.

    Attributes:
        stopping: Whether all trials must stop.
    """

    def __init__(
        self, study: Study, failures: Failures, stop: StopRequest, later: Callable[[], float], convergence: Convergence
    ) -> None:
        """Initialize with everything that may end the search.

        Args:
            study: The search's study, with the current budget.
            failures: The failures of this start.
            stop: The request to end the search.
            later: Returns how much of the search's time the work after training needs (seconds).
            convergence: Whether the search has converged; then only repeats of the best trials are started.
        """
        self._study, self._failures, self._stop, self._later = study, failures, stop, later
        self._convergence = convergence
        self._time_is_up = False
        self.stopping = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a stopper that never stops: Ray snapshots it, and nothing reads the snapshot."""
        return (NoopStopper, ())

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Return False: single trials are stopped by the scheduler."""
        del trial_id, result
        return False

    def stop_all(self) -> bool:
        """Return whether all trials must stop now."""
        with self._failures.guard():
            self._study.check_held()
        self.stopping = self._failures.must_stop() or self._stop.made or self._is_time_up()
        if not self.stopping:
            with self._failures.guard():
                self._convergence.poll()
        return self.stopping

    @property
    def seconds_left(self) -> float | None:
        """Time left (seconds), None without a limit."""
        time = self._study.search.budget.time
        return None if time is None else max(0.0, time - self._study.seconds)

    def seconds_to_train(self) -> float | None:
        """Return the time left without that for the work after training (seconds), None without a limit."""
        left, time = self.seconds_left, self._study.search.budget.time
        return None if left is None or time is None else max(0.0, left - self._reserved(time))

    def _reserved(self, time: float) -> float:
        return min(self._later(), _LARGEST_SHARE * time)

    @property
    def reason(self) -> Reason | None:
        """Why the search ends; None if it does not end yet."""
        if self._study.num_finished >= self._study.search.budget.trials:
            return "trials"
        if self._convergence.converged and not self._study.is_waiting:
            return "converged"
        if self._stop.made:
            return "interrupted"
        return "time" if self._is_time_up() else None

    def _is_time_up(self) -> bool:
        """Return whether the time left is needed for the work after training; once true, it stays true."""
        left, time = self.seconds_left, self._study.search.budget.time
        if left is not None and time is not None and not self._time_is_up:
            self._time_is_up = left <= self._reserved(time)
        return self._time_is_up
