"""How well velocities are predicted: every metric per performance, then over a fold's performances, per style too.

Symbols: N notes and P performances of a corpus, G folds.
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
        values: By the metric's name, [P].
    """

    values: Mapping[str, Floats]

    def over_folds(self, performances: Performances) -> dict[str, FoldValues]:
        """Average over each fold's performances, of all styles together and of each by itself.

        A style's metrics are named by ``models.metrics.of_style``; performances without a fold count nowhere.
        """
        found: dict[str, FoldValues] = {}
        for metric in VELOCITY_METRICS:
            found[metric.name] = self._mean(metric, performances, np.ones(performances.num_pieces, np.bool_))
        for number, style in enumerate(performances.styles):
            for metric in VELOCITY_METRICS:
                found[of_style(metric, style)] = self._mean(metric, performances, performances.style == number)
        return found

    def _mean(self, metric: Metric, performances: Performances, chosen: NDArray[np.bool_]) -> FoldValues:
        values = self.values[metric.name]
        folds = (values[chosen & (performances.fold == fold)] for fold in range(performances.num_folds))
        return FoldValues(tuple(float(of_fold.mean()) if len(of_fold) else math.nan for of_fold in folds))


def piece_scores(
    performances: Performances, predicted: Floats, sizes: GridSizes, cell_error: Floats | None = None
) -> VelocityScores:
    """Score predicted velocities note by note.

    Args:
        performances: What was played.
        predicted: [N] velocities in MIDI units; they are clipped to 1..127, as a file could hold them.
        sizes: How many cells of the grid each note takes.
        cell_error: [P] mean squared error (of velocities / 127) over all cells, of a model that predicts silent cells
            too; None for one that predicts notes, whose silent cells are right.

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
        """Divide, where there is a spread to divide by: a constant has neither correlation nor ratio."""
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
