"""The interface that receives the progress of a running search."""

from collections.abc import Mapping
from typing import Protocol

from models.spec import Value
from search.study.states import StateName


class Observer(Protocol):
    """Receives the events of a search, in order, on the driver's main thread."""

    def search_started(
        self, *, trials: int, epochs: int, seconds: float | None, finished: Mapping[StateName, int]
    ) -> None:
        """Handle the start of the search.

        Args:
            trials: Budget (trials).
            epochs: Epochs of a full trial.
            seconds: Time left (seconds), None without a limit.
            finished: Number of trials that earlier starts finished, by state.
        """

    def budget_changed(self, *, trials: int, seconds: float | None) -> None:
        """Handle another budget: its number of trials, and the time left (seconds), None without a limit."""

    def best_before(self, number: int, mean: float, standard_error: float) -> None:
        """Handle the best full trial of earlier starts, if there is one."""

    def trial_started(self, number: int, values: Mapping[str, Value], confirms: int | None = None) -> None:
        """Handle the start or resumption of a trial.

        Args:
            number: The trial's number.
            values: Its hyperparameters.
            confirms: The number of the trial that it repeats with another seed, if it does.
        """

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        """Handle the objective of a trial after an epoch."""

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Handle the end of a trial."""

    def expected_gain(self, gain: float, standard_error: float) -> None:
        """Handle the expected gain of the next 20 trials, and the standard error of the best trial over the folds."""

    def message(self, text: str) -> None:
        """Handle an important message for the user."""

    def search_ended(self) -> None:
        """Handle the end of the search, the last event."""


class SilentObserver(Observer):
    """Ignores all events; a base class for observers of some events."""
