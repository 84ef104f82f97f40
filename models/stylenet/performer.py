"""Predict the velocities of a piece in each style with a trained StyleNet.

Symbols: n notes of a piano, S styles, G folds. What a trained model says is the mean over its G folds' networks.
"""

import math
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
        styles: The styles that it knows.
        spec: Its settings.
        model: The networks of all folds.
    """

    def __init__(self, saved: checkpoint.Checkpoint) -> None:
        """Build the networks of a trained model's file."""
        self.styles: tuple[str, ...] = tuple(saved.extra["vocabulary"]["styles"])
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
            BadInputError: If it is no trained StyleNet, or one of a newer version.
        """
        saved = checkpoint.load_trained(path, "stylenet")
        try:
            return cls(saved)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise checkpoint.not_whole(path, "stylenet", error) from error

    def velocities(self, performance: Performance, style: Mix, fold: int | None = None) -> Floats:
        """Predict how loud a piece's notes are.

        Args:
            performance: The notes; their velocities are not looked at.
            style: A style, or shares of several.
            fold: The fold whose network is asked, for a piece that it holds out; None for the mean of all.

        Returns:
            [n] velocities in MIDI units, not rounded; NaN for notes outside the piano's keys.

        Raises:
            BadInputError: For a style that the model does not know, shares that are no mix, or a piece that is too
                long, see ``check_length``.
        """
        shares = self.shares(style)
        self.check_length(performance)
        inputs, view = self._inputs(performance)
        folds = range(len(self.model.mean)) if fold is None else [fold]
        velocity = np.zeros(performance.num_notes)
        for name, share in shares.items():
            number = self.styles.index(name)
            velocity += share * np.mean([self._of_fold(one, inputs, view, number) for one in folds], axis=0)
        return np.where(has_key(performance.pitch), velocity, np.nan)

    def check_length(self, performance: Performance) -> None:
        """Check that a piece is no longer than files of music are, and fits the model's grid.

        Args:
            performance: The piece.

        Raises:
            BadInputError: If it is; the message states the limit.
        """
        try:
            check_num_notes(performance.num_notes)
            check_length(performance.quarters)
        except ValueError as error:
            raise BadInputError(str(error)) from None
        reason = too_long(performance.quarters) if self.spec.view == "grid" else None
        if reason is not None:
            raise BadInputError("this model reads a piece on the grid of sixteenths, and it is too long", reason)

    def interpretation(self, performance: Performance, fold: int) -> Floats | None:
        """Return the output [rows, units] of a fold's interpretation layer for a piece; None without such a layer."""
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
            raise BadInputError("the shares of a mix are 0 or more, not all 0, and their sum is finite", f"got {mix}")
        return {name: share / total for name, share in mix.items()}

    def _inputs(self, performance: Performance) -> tuple[Tensor, View]:
        """[1, rows, 1, K] the inputs of every fold, and the view that gave them."""
        view = make_view(self.spec, _alone(performance))
        return tensor(view.inputs(np.arange(int(view.start[-1]))))[None, :, None], view

    def _of_fold(self, fold: int, inputs: Tensor, view: View, style: int) -> Floats:
        """[n] what a fold's network predicts; one at a time, for a long piece takes memory in each."""
        own = {name: value[fold : fold + 1] for name, value in self.model.state_dict().items()}
        lengths = torch.full((1, 1), inputs.shape[1])
        with torch.no_grad():
            output, _ = functional_call(self.model, own, (inputs, lengths, style))
        velocity = output[0, :, 0].numpy()[view.row, np.maximum(view.column, 0)].astype(np.float64) * MAX_VELOCITY
        level = float(self.model.level[fold, style]) * MAX_VELOCITY
        return velocity + self.spec.level_shrink * (level - velocity.mean())


def _alone(performance: Performance) -> Performances:
    """Make a corpus of one performance, for its view."""
    nothing = np.zeros(1, np.int64)
    return Performances(
        pitch=performance.pitch,
        velocity=performance.velocity,
        onset=performance.onset,
        duration=performance.duration,
        seconds=performance.seconds,
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
