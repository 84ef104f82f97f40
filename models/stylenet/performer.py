"""Predict the velocities of a piece in each style with a trained StyleNet.

Symbols: n piano notes, K inputs. The prediction of a trained model is the mean over its folds' networks.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from data_prep.encodings.views import View
from data_prep.errors import BadInputError, unknown
from data_prep.grid import too_long
from data_prep.limits import check_length, check_num_networks, check_num_notes
from data_prep.performances.arrays import Performance, Performances
from data_prep.pitches import MAX_VELOCITY, has_key
from data_prep.wording import counted
from models.folded.torch_typing import tensor
from models.stylenet.model import Scales, StyleNetModel
from models.stylenet.spec import StyleNetSpec
from models.stylenet.views import make_view
from models.training import checkpoint
from models.uses.styles import Mix

Floats: TypeAlias = NDArray[np.float64]


class Performer:
    """A trained StyleNet.

    Attributes:
        styles: The styles that the model knows.
        spreads: Spread of human velocities in each style (MIDI units); empty for a model of an earlier version.
        spec: The settings.
        model: The networks of all folds.
    """

    def __init__(self, saved: checkpoint.Checkpoint) -> None:
        """Build the networks of a trained model's file."""
        vocabulary = saved.extra["vocabulary"]
        self.styles: tuple[str, ...] = tuple(vocabulary["styles"])
        self.spreads: dict[str, float] = _spreads(vocabulary.get("spreads", {}), self.styles)
        self.spec = StyleNetSpec.from_stored(saved.spec)
        weights = saved.training
        scales = Scales(*(weights[name].numpy() for name in ("mean", "deviation", "level")))
        check_num_networks(len(scales.mean))
        if scales.level.shape[1:] != (len(self.styles),):
            raise ValueError(f"{counted(len(self.styles), 'style')} and {counted(scales.level.shape[-1], 'level')}")
        num_outputs = weights["head_bias.0"].shape[1]
        self.model = checkpoint.model(partial(StyleNetModel, self.spec, scales, num_outputs, seed=0, trial=0), weights)

    @classmethod
    def load(cls, path: Path) -> "Performer":
        """Read a trained model.

        Args:
            path: The file.

        Returns:
            The performer.

        Raises:
            BadInputError: If it is not a trained StyleNet, or is of a newer version.
        """
        saved = checkpoint.load_trained(path, "stylenet")
        try:
            return cls(saved)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise checkpoint.incomplete_model(path, "stylenet", error) from error

    def velocities(self, performance: Performance, style: Mix, fold: int | None = None) -> Floats:
        """Predict the velocities of a piece.

        Args:
            performance: The notes; their velocities are ignored.
            style: A style, or shares of several.
            fold: The fold whose network predicts, for a piece that it holds out; None for the mean of all folds.

        Returns:
            [n] velocities in MIDI units, not rounded; NaN for notes outside the piano's keys.

        Raises:
            BadInputError: For an unknown style, illegal shares, or a piece that is too long (``check_length``).
        """
        shares = self.shares(style)
        self.check_length(performance)
        inputs, view = self._inputs(performance)
        folds = range(len(self.model.mean)) if fold is None else [fold]
        velocity = np.zeros(performance.num_notes)
        for name, share in shares.items():
            number = self.styles.index(name)
            velocity += share * np.mean([self._of_fold(each, inputs, view, number) for each in folds], axis=0)
        return np.where(has_key(performance.pitch), velocity, np.nan)

    def check_length(self, performance: Performance) -> None:
        """Check that a piece is within the limits of files and of the model's grid.

        Args:
            performance: The piece.

        Raises:
            BadInputError: If it is too long; the message states the limit.
        """
        try:
            check_num_notes(performance.num_notes)
            check_length(performance.quarters)
        except ValueError as error:
            raise BadInputError(str(error)) from None
        reason = too_long(performance.quarters) if self.spec.view == "grid" else None
        if reason is not None:
            raise BadInputError("the piece is too long for this model, which reads a grid of sixteenths", reason)

    def interpretation(self, performance: Performance, fold: int) -> Floats | None:
        """Return the output [rows, units] of a fold's interpretation layer for a piece; None if the model has none."""
        if self.model.interpretation is None:
            return None
        inputs, _ = self._inputs(performance)
        with torch.no_grad():
            hidden, _ = self.model.interpret(self.model.standardised(inputs))
        return hidden[fold, :, 0].numpy().astype(np.float64)

    def shares(self, style: Mix) -> dict[str, float]:
        """Check a style or mix, and return each style's share of 1; see ``velocities``."""
        mix = {style: 1.0} if isinstance(style, str) else dict(style)
        for name in mix:
            if name not in self.styles:
                raise unknown("style", name, self.styles, "of this model")
        total = sum(mix.values())
        if not 0 < total < math.inf or not all(share >= 0 for share in mix.values()):
            raise BadInputError(
                "the shares of a mix are not negative, and their sum is positive and finite", f"got {mix}"
            )
        return {name: share / total for name, share in mix.items()}

    def human_spread(self, style: Mix) -> float:
        """Return the spread of human velocities in a style.

        Args:
            style: A style, or shares of several, whose spreads are averaged.

        Returns:
            Median of the standard deviations within the training performances (MIDI units).

        Raises:
            BadInputError: For an unknown style, illegal shares, or a model of an earlier version, which stores none.
        """
        shares = self.shares(style)
        if not self.spreads:
            raise BadInputError(
                "the human spread is learnt with the model",
                "this model was trained by an earlier version, without it",
                remedy="train the trial again, or leave the spread as predicted",
            )
        return sum(share * self.spreads[name] for name, share in shares.items())

    def _inputs(self, performance: Performance) -> tuple[Tensor, View]:
        """Return the inputs [1, rows, 1, K], the same for all folds, and their view."""
        view = make_view(self.spec, _alone(performance))
        return tensor(view.inputs(np.arange(int(view.start[-1]))))[None, :, None], view

    def _of_fold(self, fold: int, inputs: Tensor, view: View, style: int) -> Floats:
        """Return the velocities [n] that a fold's network predicts; running fold by fold limits memory."""
        own = {name: value[fold : fold + 1] for name, value in self.model.state_dict().items()}
        lengths = torch.full((1, 1), inputs.shape[1])
        with torch.no_grad():
            output, _ = functional_call(self.model, own, (inputs, lengths, style))
        velocity = output[0, :, 0].numpy()[view.row, np.maximum(view.column, 0)].astype(np.float64) * MAX_VELOCITY
        level = float(self.model.level[fold, style]) * MAX_VELOCITY
        return velocity + self.spec.level_shrink * (level - velocity.mean())


def _spreads(stored: Mapping[str, float], styles: Sequence[str]) -> dict[str, float]:
    """Return stored spreads by style; raise ValueError if one is missing or not a velocity."""
    spreads = {style: float(stored[style]) for style in styles} if stored else {}
    if not all(0 <= spread <= MAX_VELOCITY for spread in spreads.values()):
        raise ValueError(f"its spreads are 0 to {MAX_VELOCITY}")
    return spreads


def _alone(performance: Performance) -> Performances:
    """Return a corpus of one performance."""
    nothing = np.zeros(1, np.int64)
    notes = {name: getattr(performance, name) for name in ("pitch", "velocity", "onset", "duration", "seconds")}
    return Performances(
        **notes,
        start=np.array([0, performance.num_notes]),
        fold=nothing.astype(np.int8),
        style=nothing.astype(np.int16),
        composition=nothing.astype(np.int32),
        styles=("any",),
        ids=("piece",),
        num_folds=1,
        fingerprint="",
        corpus="",
    )
