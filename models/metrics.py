"""Every metric's name, unit and direction, and the statistics over folds that each is reported with."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """A number that an epoch reports for every fold.

    Attributes:
        name: Its key everywhere: in reports, the study, MLflow and tables.
        unit: Its unit, in words.
        direction: Whether less or more is better.
        meaning: One line for a reader.
    """

    name: str
    unit: str
    direction: Literal["minimise", "maximise"]
    meaning: str


@dataclass(frozen=True)
class FoldValues:
    """One metric's value on each fold.

    Attributes:
        values: [G] one value a fold.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over folds."""
        return math.fsum(self.values) / len(self.values)

    @property
    def standard_error(self) -> float:
        """Standard error of the mean over folds, from the sample standard deviation; NaN for a single fold."""
        if len(self.values) == 1:
            return math.nan
        count, mean = len(self.values), self.mean
        spread = math.hypot(*(value - mean for value in self.values))  # no square overflows
        return spread / math.sqrt((count - 1) * count)

    @property
    def is_finite(self) -> bool:
        """Whether every fold's value is a finite number."""
        return all(math.isfinite(value) for value in self.values)


NATS_PER_NOTE = Metric(
    "nats_per_note",
    "nats per note",
    "minimise",
    "-log p of each (pitch, duration) in the original key, header included: mean over a piece's notes, then pieces",
)
NATS_PER_NOTE_BY_NOTE = Metric(
    "nats_per_note_by_note", "nats per note", "minimise", "the same, averaged over notes instead of pieces"
)
CV_LOSS = Metric(
    "cv_loss",
    "nats per token",
    "minimise",
    "cross-entropy of the encoding's own tokens: mean over a piece's notes 2..n, then pieces",
)
CV_LOSS_BY_NOTE = Metric(
    "cv_loss_by_note", "nats per token", "minimise", "the same, averaged over notes instead of pieces"
)
TRAIN_LOSS = Metric("train_loss", "nats per token", "minimise", "mean cross-entropy of the epoch's training windows")
