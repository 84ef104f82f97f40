"""Paired differences of two rows, with intervals."""

import math
from dataclasses import dataclass
from typing import Any

import scipy.stats

from models.metrics import FoldValues

_stats: Any = scipy.stats  # it is partly untyped

_LEVEL = 0.95
"""Coverage of the intervals."""


@dataclass(frozen=True)
class Difference:
    """A paired difference of two rows.

    Attributes:
        mean: The mean over the folds.
        low: Lower end of its 95 % interval; -inf with a single fold.
        high: Upper end.
    """

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: FoldValues, base: FoldValues) -> "Difference":
        """Return values minus base."""
        paired = FoldValues(tuple(a - b for a, b in zip(values.values, base.values, strict=True)))
        count = len(paired.values)
        half = math.inf if count == 1 else float(_stats.t.ppf((1 + _LEVEL) / 2, count - 1)) * paired.standard_error
        return cls(paired.mean, paired.mean - half, paired.mean + half)

    @property
    def sign(self) -> int:
        """1 or -1 if the interval is on one side of zero, 0 otherwise."""
        return (self.low > 0) - (self.high < 0)
