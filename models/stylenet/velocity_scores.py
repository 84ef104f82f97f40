"""Metrics of predicted velocities: per performance, then averaged over each fold's performances, also by style.

Symbols: N notes and P performances of a corpus.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.views import GridSizes
from data_prep.performances.arrays import Performances
from models.metrics import (
    MSE_ALL,
    ONSET_CORRELATION,
    ONSET_MAE,
    ONSET_MAE_LEVEL_REMOVED,
    ONSET_MSE,
    ONSET_SPREAD,
    VELOCITY_METRICS,
    FoldValues,
    Metric,
    of_style,
)

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class VelocityScores:
    """Every metric of every performance.

    Attributes:
        values: [P] by the metric's name.
    """

    values: Mapping[str, Floats]

    def over_folds(self, performances: Performances) -> dict[str, FoldValues]:
        """Return the means over each fold's performances, for all styles together and for each style.

        A style's metrics are named by ``models.metrics.of_style``; performances in no fold are ignored.
        """
        all_styles = np.ones(performances.num_pieces, np.bool_)
        means = {metric.name: self._mean(metric, performances, all_styles) for metric in VELOCITY_METRICS}
        for number, style in enumerate(performances.styles):
            for metric in VELOCITY_METRICS:
                means[of_style(metric, style)] = self._mean(metric, performances, performances.style == number)
        return means

    def _mean(self, metric: Metric, performances: Performances, chosen: NDArray[np.bool_]) -> FoldValues:
        values = self.values[metric.name]
        folds = (values[chosen & (performances.fold == fold)] for fold in range(performances.num_folds))
        return FoldValues(tuple(float(of_fold.mean()) if len(of_fold) else math.nan for of_fold in folds))


def piece_scores(
    performances: Performances, predicted: Floats, sizes: GridSizes, cell_error: Floats | None = None
) -> VelocityScores:
    """Score predicted velocities note by note.

    Args:
        performances: The performances as played.
        predicted: [N] velocities (MIDI units), clipped to 1..127 here, the range of a file.
        sizes: Number of cells of the grid that each note takes.
        cell_error: [P] mean squared error (of velocities / 127) over all cells, for a model that also predicts silent
            cells; None for a model that predicts notes, where the error of silent cells is 0.

    Returns:
        The scores.
    """
    piece, num_pieces = performances.piece_of_note, performances.num_pieces
    count = np.diff(performances.start).astype(np.float64)

    def mean(values: Floats) -> Floats:
        return np.bincount(piece, values, num_pieces) / count

    velocity = performances.velocity.astype(np.float64)
    guess = np.clip(predicted, 1.0, 127.0)
    error = guess - velocity
    own, own_guess = velocity - mean(velocity)[piece], guess - mean(guess)[piece]
    spread, spread_guess = np.sqrt(mean(own**2)), np.sqrt(mean(own_guess**2))

    def ratio(values: Floats, by: Floats) -> Floats:
        """Divide values; a constant performance, without a spread, has neither correlation nor ratio and gets 0."""
        return np.divide(values, by, out=np.zeros(num_pieces), where=by > 1e-9)  # noqa: PLR2004  (rounding)

    if cell_error is None:
        cell_error = np.bincount(piece, sizes.cells * (error / 127.0) ** 2, num_pieces) / sizes.total
    return VelocityScores(
        {
            ONSET_MAE.name: mean(np.abs(error)),
            ONSET_MAE_LEVEL_REMOVED.name: mean(np.abs(own_guess - own)),
            ONSET_CORRELATION.name: ratio(mean(own * own_guess), spread * spread_guess),
            ONSET_SPREAD.name: ratio(spread_guess, spread),
            ONSET_MSE.name: mean(error**2),
            MSE_ALL.name: cell_error,
        }
    )
