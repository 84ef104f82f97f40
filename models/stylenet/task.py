"""StyleNet's task: windows of performances for training, and entire held-out performances for scoring.

Symbols: G folds, T steps, B sequences, K inputs, O outputs, N notes, P performances, S styles.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data_prep.encodings.carried_windows import CarriedBatch, CarriedPlan
from data_prep.encodings.views import GridSizes, View
from data_prep.encodings.windows import Batch, WindowPlan, whole_pieces
from data_prep.performances.arrays import Performances
from data_prep.pitches import MAX_VELOCITY
from data_prep.randomness import fold_streams
from models.folded.dropout import DropoutStreams
from models.folded.torch_typing import tensor
from models.metrics import VELOCITY_METRICS, FoldValues, of_style
from models.stylenet.model import Carried, Scales, StyleNetModel, detached
from models.stylenet.spec import StyleNetSpec
from models.stylenet.spread import human_spreads
from models.stylenet.velocity_scores import piece_scores
from models.stylenet.views import make_view
from models.training.loop import StepLoss

Floats: TypeAlias = NDArray[np.float64]

_SCORED_ROWS = 2**16
"""Most rows of a fold in one batch of held-out performances, including padding: few steps with little memory."""

_HUBER = 8.0 / MAX_VELOCITY
"""Error above which the Huber loss is linear (velocity / 127)."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of the folds' models for the performances that they hold out.

    Attributes:
        velocity: [N] velocities (MIDI units), not rounded; NaN for notes that no model predicts.
        cell_error: [P] mean squared error (velocity / 127) over all cells, None for the note-wise view.
    """

    velocity: Floats
    cell_error: Floats | None


class StyleNetTask:
    """One trial's model with its data, for ``models.training.loop``."""

    def __init__(self, spec: StyleNetSpec, performances: Performances, *, seed: int, trial: int, device: str) -> None:
        """Encode the corpus and draw the initial weights.

        Args:
            spec: The settings.
            performances: The performances with their folds.
            seed: The search's seed.
            trial: The trial's number.
            device: The model's device.
        """
        self.spec, self.performances = spec, performances
        self.view = make_view(spec, performances)
        self._sizes = GridSizes.of(performances)
        scales = training_scales(self.view, performances, standardise=spec.view == "note")
        self.model = StyleNetModel(spec, scales, self.view.num_outputs, seed=seed, trial=trial).to(device)
        self._seed, self._trial, self._device = seed, trial, device

    @property
    def num_folds(self) -> int:
        """Number of folds G."""
        return self.performances.num_folds

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of the metrics that ``evaluate`` returns."""
        styles = [of_style(metric, style) for style in self.performances.styles for metric in VELOCITY_METRICS]
        return (*(metric.name for metric in VELOCITY_METRICS), *styles)

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """The styles in the order of the output layers, and the spread of human velocities in each (MIDI units)."""
        styles = self.performances.styles
        spreads = human_spreads(self.performances).mean(axis=0).tolist()
        return {"styles": list(styles), "spreads": dict(zip(styles, spreads, strict=True))}

    @property
    def holds_out(self) -> bool:
        """Whether any performance is held out; False for a model that is trained on all performances."""
        fold = self.performances.fold
        return bool(((fold >= 0) & (fold < self.num_folds)).any())

    def num_steps(self, epoch: int) -> int:
        """Return the number of steps in an epoch."""
        return sum(1 for _ in self.steps(epoch))

    def steps(self, epoch: int) -> Iterator[tuple[int, CarriedBatch]]:
        """Yield the style and batch of each step of an epoch; styles alternate as evenly as possible."""
        of_styles = [list(self._style_steps(style, epoch)) for style in range(len(self.performances.styles))]
        turns = sorted(
            ((number + 0.5) / len(batches), style, number)
            for style, batches in enumerate(of_styles)
            for number in range(len(batches))
        )
        yield from ((style, of_styles[style][number]) for _, style, number in turns)

    def _style_steps(self, style: int, epoch: int) -> Iterator[CarriedBatch]:
        spec, performances = self.spec, self.performances
        num_rows = np.diff(self.view.start)
        fold = np.where(performances.style == style, performances.fold, -1).astype(np.int64)
        group = performances.composition.astype(np.int64)
        purpose = f"windows of style {style}"
        if spec.truncation == "carry":
            plan = CarriedPlan(num_rows, fold, group, self.num_folds, spec.length, spec.batch_size, purpose)
            yield from plan.epoch(self._seed, trial=self._trial, epoch=epoch)
        else:
            windows = WindowPlan(
                num_rows, fold, self.num_folds, spec.length, spec.batch_size, group=group, purpose=purpose
            )
            for batch in windows.epoch(self._seed, trial=self._trial, epoch=epoch):
                yield CarriedBatch(batch, begins=True)

    def losses(self, epoch: int) -> Iterator[StepLoss]:
        """Yield the loss of each step of an epoch; the model is updated after each."""
        names: Any = {"folds": range(self.num_folds), "trial": self._trial, "epoch": epoch}
        dropout = DropoutStreams(self._seed, "dropout", **names)
        transpositions = fold_streams(self._seed, "augmentation", **names)
        shifts: dict[int, NDArray[np.int64]] = {}  # by style, as styles alternate within pieces
        carried: dict[int, Carried] = {}
        most = self.spec.augment
        for style, step in self.steps(epoch):
            if most and step.begins:
                shifts[style] = np.empty(step.batch.piece.shape, np.int64)
                for of_fold, source in zip(shifts[style], transpositions, strict=True):
                    of_fold[:] = source.integers(-most, most, len(of_fold), endpoint=True)
            state = None if step.begins else carried[style]
            loss, after = self._loss(style, step.batch, shifts.get(style), dropout, state)
            if self.spec.truncation == "carry":
                carried[style] = detached(after)
            yield loss

    def _loss(
        self,
        style: int,
        batch: Batch,
        shift: NDArray[np.int64] | None,
        dropout: DropoutStreams,
        state: Carried | None,
    ) -> tuple[StepLoss, Carried]:
        rows, inside = batch.rows(self.view.start)
        moved = None if shift is None else np.broadcast_to(shift[:, None], rows.shape)
        x = self._tensor(self.view.inputs(rows, moved))
        velocity, counted = self.view.targets(rows, moved)
        target, share = self._tensor(velocity), self._tensor(counted & inside[..., None])
        output, after = self.model(x, self._lengths(batch), style, dropout, state)
        count = share.sum((1, 2, 3))
        total = self._error((output - target) * share, share)
        return StepLoss(loss=total / count.clamp_min(1.0), total=total.detach(), count=count), after

    def _error(self, difference: Tensor, share: Tensor) -> Tensor:
        """Return [G] the summed error of differences [G, T, B, O], which are 0 where ``share`` is 0."""
        if self.spec.level == "joint":
            return self._distance(difference).sum((1, 2, 3))
        mean = difference.sum((1, 3), keepdim=True) / share.sum((1, 3), keepdim=True).clamp_min(1.0)
        apart = self._distance((difference - mean) * share) + self.spec.level_weight * self._distance(mean) * share
        return apart.sum((1, 2, 3))

    def _distance(self, difference: Tensor) -> Tensor:
        if self.spec.loss == "mse":
            return difference.square()
        distance = difference.abs()
        if self.spec.loss == "l1":
            return distance
        return torch.where(distance < _HUBER, 0.5 * difference.square() / _HUBER, distance - 0.5 * _HUBER)

    def evaluate(self, epoch: int) -> dict[str, FoldValues]:
        """Score the held-out performances of every fold."""
        del epoch
        predicted = self.predict()
        scores = piece_scores(self.performances, predicted.velocity, self._sizes, predicted.cell_error)
        return scores.over_folds(self.performances)

    def predict(self) -> Predictions:
        """Run every performance through the model of the fold that holds it out, in its own style.

        Returns:
            The predictions.
        """
        start, num_outputs = self.view.start, self.view.num_outputs
        outputs = np.full((int(start[-1]), num_outputs), np.nan, np.float32)
        for style in range(len(self.performances.styles)):
            fold = np.where(self.performances.style == style, self.performances.fold, -1)
            for batch in whole_pieces(np.diff(start), fold, self.num_folds, _SCORED_ROWS):
                rows, inside = batch.rows(start)
                with torch.no_grad():
                    output, _ = self.model(self._tensor(self.view.inputs(rows)), self._lengths(batch), style)
                outputs[rows[inside]] = output.cpu().numpy()[inside]
        return self._with_levels(outputs)

    def _with_levels(self, outputs: NDArray[np.float32]) -> Predictions:
        """Return the predictions of notes and cells, with every piece's mean shrunk towards its style's level."""
        data, view = self.performances, self.view
        velocity = outputs[view.row, np.maximum(view.column, 0)].astype(np.float64) * MAX_VELOCITY
        piece = data.piece_of_note
        if self.spec.level_shrink:
            fold = np.clip(data.fold, 0, self.num_folds - 1)
            level = self.model.level.cpu().numpy()[fold, data.style] * MAX_VELOCITY
            mean = np.bincount(piece, velocity, data.num_pieces) / np.diff(data.start)
            velocity += (self.spec.level_shrink * (level - mean))[piece]
        if self.spec.view == "note":
            return Predictions(velocity, None)
        target, _ = view.targets(np.arange(len(outputs)))
        error = np.square(outputs - target).mean(axis=1)
        rows = np.diff(view.start)
        return Predictions(velocity, np.add.reduceat(error, view.start[:-1]) / rows)

    def _lengths(self, batch: Batch) -> Tensor:
        return tensor(batch.length, self._device)

    def _tensor(self, array: NDArray[np.generic]) -> Tensor:
        return tensor(array, self._device, self.model.mean.dtype)


def training_scales(view: View, performances: Performances, *, standardise: bool) -> Scales:
    """Measure the statistics of every fold's training data.

    Args:
        view: The performances' rows.
        performances: The performances with their folds.
        standardise: Whether to standardise inputs to mean 0 and deviation 1.

    Returns:
        The scales.
    """
    num_folds, num_styles = performances.num_folds, len(performances.styles)
    mean = np.zeros((num_folds, view.num_inputs), np.float32)
    scales = Scales(mean, np.ones_like(mean), np.zeros((num_folds, num_styles), np.float32))
    piece_of_row = np.repeat(np.arange(performances.num_pieces), np.diff(view.start))
    fold, style = performances.fold[piece_of_row], performances.style[piece_of_row]
    rows = np.arange(len(piece_of_row))
    for held_out in range(num_folds):
        learnt = (fold != held_out) & (fold >= 0)
        if standardise:
            inputs = view.inputs(rows[learnt])
            scales.mean[held_out] = inputs.mean(axis=0)
            deviation = inputs.std(axis=0)
            scales.deviation[held_out] = np.where(deviation > 1e-6, deviation, 1.0)  # noqa: PLR2004  (a constant input)
        for number in range(num_styles):
            played = performances.velocity[(learnt & (style == number))[view.row]]
            scales.level[held_out, number] = np.median(played) / MAX_VELOCITY
    return scales
