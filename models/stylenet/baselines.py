"""Simple predictors of velocities for comparison with StyleNets, fitted for each style on the same folds.

Symbols: N notes, F features. Compositions have equal weights: a note's weight is one over the number of training
performances of its composition.
"""

# scikit-learn is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.views import GridSizes, NoteView
from data_prep.performances.arrays import Performances
from data_prep.pitches import MAX_VELOCITY, NUM_PITCHES
from data_prep.progress import Progress, Silent
from data_prep.randomness import integer_seed, stream
from models.family import SCORING, Baseline
from models.metrics import ONSET_MAE
from models.stylenet.velocity_scores import piece_scores

Floats: TypeAlias = NDArray[np.float64]

_RIDGE = 100.0
"""Penalty of the ridge regression on standardised features; the result hardly depends on it."""


@dataclass(frozen=True)
class Fit:
    """The training notes of a predictor, and the notes to predict.

    Attributes:
        features: [n, F] features of the training notes from the note-wise view.
        pitch: [n] pitches of the training notes.
        velocity: [n] velocities of the training notes.
        weight: [n] weights of the training notes.
        asked: [m, F] features of the notes to predict.
        asked_pitch: [m] pitches of the notes to predict.
    """

    features: NDArray[np.float32]
    pitch: NDArray[np.int16]
    velocity: Floats
    weight: Floats
    asked: NDArray[np.float32]
    asked_pitch: NDArray[np.int16]


def constant(fit: Fit) -> Floats:
    """Predict the weighted median of the training notes."""
    ranked = np.argsort(fit.velocity)
    up_to = np.cumsum(fit.weight[ranked])
    middle = np.searchsorted(up_to, 0.5 * up_to[-1] + np.array([-1e-9, 1e-9]))  # the mean of two middle values
    return np.full(len(fit.asked), fit.velocity[ranked[middle]].mean())


def by_pitch(fit: Fit) -> Floats:
    """Predict each pitch's mean; for an unseen pitch, the mean of all notes."""
    weight = np.bincount(fit.pitch, fit.weight, NUM_PITCHES)
    total = np.bincount(fit.pitch, fit.weight * fit.velocity, NUM_PITCHES)
    mean = np.divide(total, weight, out=np.full(NUM_PITCHES, total.sum() / weight.sum()), where=weight > 0)
    return mean[fit.asked_pitch]


def ridge(fit: Fit) -> Floats:
    """Predict by ridge regression on standardised note features."""
    from sklearn.linear_model import Ridge

    mean, deviation = fit.features.mean(axis=0), fit.features.std(axis=0)
    deviation = np.where(deviation > 1e-6, deviation, 1.0)  # noqa: PLR2004  (a constant feature)
    model = Ridge(alpha=_RIDGE).fit((fit.features - mean) / deviation, fit.velocity, fit.weight)
    return np.asarray(model.predict((fit.asked - mean) / deviation), np.float64)


def boosting(fit: Fit) -> Floats:
    """Predict by gradient-boosted trees on note features (scikit-learn's defaults)."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(random_state=integer_seed(0, "gradient boosting"))
    model.fit(fit.features, fit.velocity, fit.weight)
    return np.asarray(model.predict(fit.asked), np.float64)


def cross_validate(
    performances: Performances, predict: Callable[[Fit], Floats], view: NoteView, progress: Progress | None = None
) -> Floats:
    """Predict every performance from the performances of its style in the other folds.

    Args:
        performances: The performances with their folds.
        predict: The predictor.
        view: The note-wise view of the performances.
        progress: Advances with each fold of each style.

    Returns:
        [N] velocities; NaN for performances in no fold.
    """
    piece = performances.piece_of_note
    fold, style = performances.fold[piece], performances.style[piece]
    features = view.features[view.row]
    velocity = np.full(performances.num_notes, np.nan)
    for number in range(len(performances.styles)):
        for held_out in range(performances.num_folds):
            (progress or Silent()).advance(1)
            learnt = (style == number) & (fold != held_out) & (fold >= 0)
            asked = (style == number) & (fold == held_out)
            if not asked.any():
                continue
            fit = Fit(
                features=features[learnt],
                pitch=performances.pitch[learnt],
                velocity=performances.velocity[learnt].astype(np.float64),
                weight=_weights(performances, learnt),
                asked=features[asked],
                asked_pitch=performances.pitch[asked],
            )
            velocity[asked] = predict(fit)
    return velocity


def _weights(performances: Performances, learnt: NDArray[np.bool_]) -> Floats:
    piece = performances.piece_of_note[learnt]
    composition = performances.composition[np.unique(piece)]
    num_performances = np.bincount(composition, minlength=int(performances.composition.max()) + 1)
    return 1.0 / num_performances[performances.composition[piece]]


PIECE_MEAN = "mean of the piece itself (oracle)"
"""Name of the baseline that uses the mean velocity of the held-out piece."""


def simple_predictions(performances: Performances, progress: Progress | None = None) -> list[tuple[str, Floats]]:
    """Predict velocities by simple models.

    Args:
        performances: The performances with their folds.
        progress: Advances with each fit.

    Returns:
        Names and [N] velocities, from the weakest to the strongest: random velocities, the style's median, each
        pitch's mean, ridge regression, gradient boosting, and the oracle, the mean of the piece itself.
    """
    view = NoteView.of(performances, "local")
    piece = performances.piece_of_note
    mean = np.bincount(piece, performances.velocity, performances.num_pieces) / np.diff(performances.start)
    random = stream(0, "random velocities").integers(1, MAX_VELOCITY + 1, performances.num_notes)
    fitted = {
        "constant: median of the style": constant,
        "mean of each pitch": by_pitch,
        "ridge regression": ridge,
        "gradient boosting": boosting,
    }
    progress = progress or Silent()
    progress.start(len(fitted) * len(performances.styles) * performances.num_folds, SCORING)
    predicted = [(name, cross_validate(performances, predict, view, progress)) for name, predict in fitted.items()]
    progress.finish()
    return [("random (S2)", random.astype(np.float64)), *predicted, (PIECE_MEAN, mean[piece])]


def velocity_baselines(performances: Performances, progress: Progress | None = None) -> Sequence[Baseline]:
    """Return the baselines with their scores on the folds, from the weakest to the strongest."""
    sizes = GridSizes.of(performances)
    baselines: list[Baseline] = []
    for name, velocity in simple_predictions(performances, progress):
        of_pieces = piece_scores(performances, velocity, sizes)
        scores = of_pieces.over_folds(performances)
        score, pieces = scores.pop(ONSET_MAE.name), of_pieces.values[ONSET_MAE.name]
        baselines.append(Baseline(name, score, scores, oracle=name == PIECE_MEAN, pieces=tuple(pieces.tolist())))
    return baselines
