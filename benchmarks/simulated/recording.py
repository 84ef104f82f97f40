"""Recorded settings in the place of trials with similar hyperparameters, with epochs of a chosen length."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data_prep.randomness import stream
from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.spec.coordinates import coordinates
from search.spec.space import Space
from simulated.table import Array, read_table

_METRICS = ("nats_per_note", "cv_loss", "train_loss")
_NOISE = 0.1
"""Standard deviation between trials with the same hyperparameters, in standard errors over the folds: .08, .12 and .09
for the three settings that were recorded ten times."""


@dataclass(frozen=True)
class Recording:
    """Recorded settings; a trial has the learning curve of the nearest one, with an offset of its own.

    A setting that was recorded several times has the means.

    Symbols: M different settings, D axes of the space, E epochs, G folds.

    Attributes:
        space: The space of the settings.
        points: [M, D] the settings as coordinates.
        folds: [M, E, G] the objective.
        recorded: [M, E] processor time of each epoch (seconds).
        scale: Factor for recorded seconds.
        jitter: Standard deviation of the logarithm of epoch lengths within a recorded setting.
        fingerprint: Fingerprint of the data, an attribute that the data of every family has.
    """

    space: Space
    points: Array
    folds: Array
    recorded: Array
    scale: float
    jitter: float
    fingerprint: str = "none"

    @property
    def best(self) -> float:
        """Best recorded objective after the full budget."""
        return float(self.folds[:, -1].mean(axis=-1).min())

    def final_of(self, values: Mapping[str, Value]) -> float:
        """Return the objective of the nearest setting after the full budget."""
        return float(self.folds[self._row(values), -1].mean())

    def seconds(self, values: Mapping[str, Value], number: int) -> list[float]:
        """Return the length of each epoch (seconds): the mean of the nearest setting, with the recorded variation."""
        recorded = self.recorded[self._row(values)]
        logarithms = self.jitter * stream(0, "simulated seconds", trial=number).normal(size=len(recorded))
        mean = float(recorded.mean()) * self.scale
        return [mean * math.exp(logarithm) for logarithm in logarithms]

    def reports(self, values: Mapping[str, Value], number: int) -> list[EpochReport]:
        """Return the reports of a trial, with the composer's metrics."""
        pairs = zip(self._folds(values, number), self.seconds(values, number), strict=True)
        return [
            EpochReport(epoch, dict.fromkeys(_METRICS, FoldValues(tuple(map(float, folds)))), seconds)
            for epoch, (folds, seconds) in enumerate(pairs, start=1)
        ]

    def _folds(self, values: Mapping[str, Value], number: int) -> Array:
        """Return [E, G] the objective after each epoch on each fold."""
        folds = self.folds[self._row(values)]
        errors = folds.std(axis=-1, ddof=1, keepdims=True) / math.sqrt(folds.shape[-1])
        return folds + _NOISE * float(stream(0, "simulated offset", trial=number).normal()) * errors

    def _row(self, values: Mapping[str, Value]) -> int:
        return int(np.abs(self.points - coordinates(self.space, values)).sum(axis=-1).argmin())


def read(mean_seconds: float) -> Recording:
    """Read the composer's table.

    Args:
        mean_seconds: Mean length of an epoch after scaling (seconds).

    Returns:
        The recording, with scaled epoch lengths.
    """
    table = read_table("composer")
    jitter = float(np.sqrt(np.log(table.seconds).var(axis=-1).mean()))
    groups = [list(rows) for rows in table.rows.values()]
    points = np.array([coordinates(table.space, table.values[rows[0]]) for rows in groups])
    folds, seconds = (
        np.array([of_rows[rows].mean(axis=0) for rows in groups]) for of_rows in (table.folds, table.seconds)
    )
    return Recording(table.space, points, folds, seconds, mean_seconds / float(seconds.mean()), jitter)
