"""The table ``[scheduler]`` of a search file, one class per kind, with the epochs and trial counts that follow from it.

Epochs are counted from the start of a trial; ``epochs`` is always the full budget. To add a kind, add a class here and
Ray's scheduler in search/driver/scheduler.py.
"""

from abc import ABC, abstractmethod
from itertools import count, pairwise, takewhile

from pydantic import Field

from data_prep.errors import unknown
from search.spec.sections import Section
from search.spec.space import Space


class Scheduler(Section, ABC):
    """When trials are stopped early."""

    kind: str

    def check(self, space: Space, where: str) -> None:
        """Check what refers to the space.

        Args:
            space: The search space.
            where: The place for the error.

        Raises:
            BadInputError: If the scheduler names a setting that the family does not have.
        """

    def first_folds(self, epochs: int) -> tuple[int, int] | None:
        """Return how many folds are trained first, and the epoch after which the others join; None for all at once."""
        del epochs
        return None

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

    def expected_epochs(self, epochs: int, trials: int, num_folds: int = 1) -> float:
        """Estimate the total number of epochs of all folds over all trials.

        Args:
            epochs: The full budget.
            trials: Total number of trials.
            num_folds: Number of folds; with 1, none is trained before others.

        Returns:
            The number; an epoch of the first folds counts as their share of all folds.
        """
        reached = [(0, 0.0), *self.expected_trials(epochs, trials)]
        first, until = self.first_folds(epochs) or (num_folds, 0)
        share = min(first / num_folds, 1.0)
        early, late = (
            sum(
                (epoch - before) * num
                for (before, _), (epoch, num) in pairwise(reached)
                if (epoch <= until) is is_early
            )
            for is_early in (True, False)
        )
        return share * early + late + (1 - share) * until * reached[-1][1]  # the others catch up


class Asha(Scheduler):
    """When weak trials are stopped (asynchronous successive halving, ASHA)."""

    kind: str = Field(default="asha", description='"asha" stops weak trials early; "none" trains each to the end')
    first_rung: int = Field(default=3, ge=1, le=100_000, description="epochs before a trial may be stopped")
    reduction: int = Field(
        default=3, ge=2, le=100, description="one in this many trials passes a rung; rungs grow by this factor"
    )

    folds_first: int = Field(
        default=0,
        ge=0,
        le=100,
        description="folds that a trial trains until it has passed all rungs, when the others join; 0 trains all from "
        "the start, as on a GPU, where one fold takes nearly as long as all",
    )
    late: tuple[str, ...] = Field(
        default=(),
        description="hyperparameters with which trials start behind; where one differs from its default, a trial is "
        "not judged at the first rung",
    )

    def check(self, space: Space, where: str) -> None:
        """Raise BadInputError for a name in ``late`` that is no hyperparameter of the family."""
        settings = space.spec_type.settings()
        for name in self.late:
            if name not in settings:
                raise unknown("setting", name, settings, where)

    def first_folds(self, epochs: int) -> tuple[int, int] | None:
        """Return ``folds_first`` and the last rung if there is one."""
        rungs = self.checkpoint_epochs(epochs)
        return (self.folds_first, rungs[-1]) if self.folds_first and rungs else None

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
