"""The table ``[confirmation]`` of a search file."""

import math

from pydantic import Field

from search.spec.sections import Section

_SHARE = 0.2
"""Largest share of a search's trials and of its time that confirming takes."""

_LARGEST_SHARE = 1 / 3
"""Largest share of the time of a search in which less is not enough for one trial."""


class Confirmation(Section):
    """How the best trials are confirmed: trained again with other seeds, in the last fifth of the budget."""

    best: int = Field(
        default=3,
        ge=0,
        le=100,
        description="number of the best trials that are confirmed, because the best of many is partly luck; 0 for none",
    )
    repeats: int = Field(default=2, ge=1, le=100, description="trials with other seeds for each of them")

    def num_trials(self, trials: int) -> int:
        """Return how many of a search's last trials confirm others."""
        return min(self.best * self.repeats, math.floor(_SHARE * trials))

    @staticmethod
    def most_seconds(time: float, one: float) -> float:
        """Return how much of a search's time they take at most, if one of them takes a time (seconds)."""
        return min(max(_SHARE * time, one), _LARGEST_SHARE * time)
