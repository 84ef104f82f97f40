"""Names, units and directions of all metrics, and statistics over folds."""

import math
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Metric:
    """A number that an epoch reports for every fold.

    Attributes:
        name: Key in reports, the study, MLflow and tables.
        unit: The unit in words.
        direction: Whether lower or higher values are better.
        meaning: Description in one line.
    """

    name: str
    unit: str
    direction: Literal["minimise", "maximise"]
    meaning: str

    def cost(self, value: float) -> float:
        """Return the value to be minimised: the value itself, or its negative if the metric is maximised."""
        return value if self.direction == "minimise" else -value

    def better(self, value: float, other: float) -> bool:
        """Return whether a value is better than another."""
        return self.cost(value) < self.cost(other)


@dataclass(frozen=True)
class FoldValues:
    """One metric's value on each fold.

    Attributes:
        values: [G] one value per fold.
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

    def summary(self) -> dict[str, Any]:
        """Return mean, standard error and every fold's value, as in the ``--json`` output of the commands."""
        return {"mean": self.mean, "standard_error": self.standard_error, "folds": self.values}


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
TRAIN_LOSS = Metric("train_loss", "loss", "minimise", "mean loss of the epoch's training windows, in its own unit")
ONSET_MAE = Metric(
    "onset_mae",
    "MIDI velocity",
    "minimise",
    "mean absolute error of the notes' velocities (0..127): over a performance's notes, then performances",
)
ONSET_MSE = Metric("onset_mse", "MIDI velocity squared", "minimise", "mean squared error of the notes' velocities")
ONSET_MAE_LEVEL_REMOVED = Metric(
    "level_removed_mae", "MIDI velocity", "minimise", "mean absolute error of deviations from a piece's own mean"
)
ONSET_CORRELATION = Metric(
    "onset_correlation", "", "maximise", "correlation of predicted and played velocities within a performance"
)
ONSET_SPREAD = Metric(
    "onset_spread", "", "maximise", "standard deviation of a performance's predicted velocities over that of the played"
)
MSE_ALL = Metric(
    "mse_all",
    "(velocity / 127) squared",
    "minimise",
    "squared error over all cells of the grid, silent ones too, as S2 reports it; a constant velocity scores well",
)
VELOCITY_METRICS = (
    ONSET_MAE,
    ONSET_MAE_LEVEL_REMOVED,
    ONSET_CORRELATION,
    ONSET_SPREAD,
    ONSET_MSE,
    MSE_ALL,
)
"""The metrics of predicted velocities, the objective first."""


def of_style(metric: Metric, style: str) -> str:
    """Return the name of a metric over the performances of one style."""
    return f"{metric.name}_{style}"
