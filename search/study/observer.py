"""The interface through which a running search shows its progress."""

from collections.abc import Mapping
from typing import Protocol

from models.spec import Value
from search.study.states import StateName


class Observer(Protocol):
    """Follows a search; called on the driver's main thread, in the order of events."""

    def search_started(
        self, *, trials: int, epochs: int, seconds: float | None, finished: Mapping[StateName, int]
    ) -> None:
        """Learn the budget.

        Args:
            trials: Trials in all.
            epochs: Epochs of a full trial.
            seconds: What is left of the time, None without a limit.
            finished: Trials by state that earlier starts finished.
        """
        ...

    def best_before(self, number: int, mean: float, standard_error: float) -> None:
        """Learn the best full trial of earlier starts, if there is one."""
        ...

    def trial_started(self, number: int, values: Mapping[str, Value]) -> None:
        """Learn that a trial starts or resumes."""
        ...

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        """Learn a trial's objective after an epoch."""
        ...

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Learn how a trial ended."""
        ...

    def message(self, text: str) -> None:
        """Learn what a user must not miss."""
        ...

    def search_ended(self) -> None:
        """Learn that no more will come."""
        ...


class SilentObserver:
    """Shows nothing."""

    def search_started(
        self, *, trials: int, epochs: int, seconds: float | None, finished: Mapping[StateName, int]
    ) -> None:
        """Ignore it."""

    def best_before(self, number: int, mean: float, standard_error: float) -> None:
        """Ignore it."""

    def trial_started(self, number: int, values: Mapping[str, Value]) -> None:
        """Ignore it."""

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        """Ignore it."""

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Ignore it."""

    def message(self, text: str) -> None:
        """Ignore it."""

    def search_ended(self) -> None:
        """Ignore it."""
