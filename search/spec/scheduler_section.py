"""The table ``[scheduler]`` of a search file, one class per kind, with the epochs and trial counts that follow from it.

Epochs are counted from the start of a trial; ``epochs`` is always the full budget. To add a kind, add a class here and
Ray's scheduler in search/driver/scheduler.py.
"""

from abc import ABC, abstractmethod
from itertools import count, pairwise, takewhile

from pydantic import Field

from search.spec.sections import Section


class Scheduler(Section, ABC):
    """When trials are stopped early."""

    kind: str

    @abstractmethod
    def checkpoint_epochs(self, epochs: int) -> tuple[int, ...]:
        """Return the epochs below the full budget after which a trial saves its state."""

    @abstractmethod
    def comparison_epoch(self, epochs: int) -> int:
        """Return the first epoch at which trials can be compared because most reach it."""

    @abstractmethod
    def expected_trials(self, epochs: int, trials: int) -> tuple[tuple[int, float], ...]:
        """Estimate how many trials reach each epoch.

        Args:
            epochs: The full budget.
            trials: Total number of trials.

        Returns:
            Pairs (epoch, number of trials that train up to it), ascending; the last epoch is the full budget.
        """

    def expected_epochs(self, epochs: int, trials: int) -> float:
        """Estimate the total number of epochs over all trials."""
        reached = [(0, 0.0), *self.expected_trials(epochs, trials)]
        return sum((epoch - before) * num_trials for (before, _), (epoch, num_trials) in pairwise(reached))


class Asha(Scheduler):
    """When weak trials are stopped (asynchronous successive halving, ASHA)."""

    kind: str = Field(default="asha", description='"asha" stops weak trials early; "none" trains each to the end')
    first_rung: int = Field(default=3, ge=1, le=100_000, description="epochs before a trial may be stopped")
    reduction: int = Field(
        default=3, ge=2, le=100, description="one in this many trials passes a rung; rungs grow by this factor"
    )

    def checkpoint_epochs(self, epochs: int) -> tuple[int, ...]:
        """Return the rungs: first_rung, first_rung x reduction, ... below the full budget."""
        return _powers(self.first_rung, self.reduction, epochs)

    def comparison_epoch(self, epochs: int) -> int:
        """Return the first rung."""
        return min(self.first_rung, epochs)

    def expected_trials(self, epochs: int, trials: int) -> tuple[tuple[int, float], ...]:
        """Estimate how many trials reach each rung and the full budget."""
        levels = (*self.checkpoint_epochs(epochs), epochs)
        return tuple(
            (epoch, max(min(trials, 1.0), trials / self.reduction**index)) for index, epoch in enumerate(levels)
        )


class FullBudget(Scheduler):
    """When weak trials are stopped: never."""

    kind: str = Field(default="none", description=Asha.model_fields["kind"].description)

    def checkpoint_epochs(self, epochs: int) -> tuple[int, ...]:
        """Return 1, 2, 4, ...: an interrupted trial repeats at most half of its epochs."""
        return _powers(1, 2, epochs)

    def comparison_epoch(self, epochs: int) -> int:
        """Return the full budget."""
        return epochs

    def expected_trials(self, epochs: int, trials: int) -> tuple[tuple[int, float], ...]:
        """Return all trials at the full budget."""
        return ((epochs, float(trials)),)


SCHEDULERS: tuple[type[Scheduler], ...] = (Asha, FullBudget)
"""All kinds, the default first."""


def _powers(first: int, factor: int, limit: int) -> tuple[int, ...]:
    """Return first, first x factor, first x factor x factor, ... below a limit."""
    powers = (first * factor**index for index in count())
    return tuple(takewhile(lambda epoch: epoch < limit, powers))
