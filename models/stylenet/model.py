"""StyleNet: the folds' bidirectional networks from notes or grid cells to velocities, with an output layer per style.

Symbols: G folds, T steps, B sequences of a fold, K inputs, O outputs (1 for the note-wise view, 88 keys for the grid),
H units of a direction, S styles.

    x -> interpretation layer (forwards, shared) -> bidirectional layers (shared, or one stack per style)
      -> linear (one per style); outputs are velocities / 127.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.folded.arguments import LayerState, Reversal
from models.folded.bidirectional import BidirectionalStack
from models.folded.initial import uniform, weight_generators
from models.folded.layers import RecurrentLayer
from models.folded.linear import linear
from models.folded.torch_typing import tensor

if TYPE_CHECKING:
    from models.folded.dropout import DropoutStreams
    from models.stylenet.spec import StyleNetSpec

Carried: TypeAlias = tuple[LayerState | None, list[LayerState]]
"""State of the interpretation layer, and of a stack's forward layers."""


@dataclass(frozen=True)
class Scales:
    """Statistics of each fold's training data.

    Attributes:
        mean: [G, K] means of the inputs.
        deviation: [G, K] standard deviations of the inputs.
        level: [G, S] median velocity / 127 of the training notes of each style.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    level: NDArray[np.float32]


class StyleNetModel(nn.Module):
    """The networks of all folds."""

    mean: Tensor
    deviation: Tensor
    level: Tensor

    def __init__(self, spec: "StyleNetSpec", scales: Scales, num_outputs: int, *, seed: int, trial: int) -> None:
        """Draw the initial weights, each fold's from its own stream.

        Args:
            spec: The settings.
            scales: Statistics of the training data, which are part of the model's state.
            num_outputs: O.
            seed: The search's seed.
            trial: The trial's number.
        """
        super().__init__()
        self.spec = spec
        num_folds, width = scales.mean.shape
        num_styles = scales.level.shape[1]
        generators = weight_generators(seed, trial, range(num_folds))
        for name in ("mean", "deviation", "level"):
            self.register_buffer(name, tensor(getattr(scales, name)).clone())
        self.interpretation = None
        if spec.interpretation:
            self.interpretation = RecurrentLayer(
                spec.cell, width, spec.interpretation, one_hot=False, generators=generators
            )
            width = spec.interpretation
        self.stacks = nn.ModuleList(
            BidirectionalStack(spec.cell, width, spec.size, spec.layers, spec.bi_merge, generators)
            for _ in range(num_styles if spec.genre_sharing == "branches" else 1)
        )
        shape, bound = (num_outputs, 2 * spec.size), 1.0 / math.sqrt(2 * spec.size)
        self.head_weight = nn.ParameterList(nn.Parameter(uniform(shape, bound, generators)) for _ in range(num_styles))
        begin = torch.zeros_like(self.level) if spec.loss_cells == "all" else self.level  # most cells are silent
        self.head_bias = nn.ParameterList(
            nn.Parameter(begin[:, style, None].expand(-1, num_outputs).clone()) for style in range(num_styles)
        )

    def forward(
        self,
        x: Tensor,
        lengths: Tensor,
        style: int,
        dropout: "DropoutStreams | None" = None,
        state: Carried | None = None,
    ) -> tuple[Tensor, Carried]:
        """Predict one style's velocities.

        Args:
            x: [G, T, B, K] inputs from the view.
            lengths: [G, B] int64 steps of each sequence without padding.
            style: Number of the style.
            dropout: The streams of masks; None for no dropout.
            state: The forward layers' state before the first step; None for zeros.

        Returns:
            [G, T, B, O] velocities / 127, and the state after the last step.
        """
        x = self.standardised(x)
        if dropout is not None:
            x = dropout.drop(x, self.spec.input_dropout)
        x, interpreted = self.interpret(x, state)
        if dropout is not None and self.interpretation is not None:
            x = dropout.drop(x, self.spec.dropout)

        def drop(hidden: Tensor) -> Tensor:
            return hidden if dropout is None else dropout.drop(hidden, self.spec.dropout)

        stack = self.stacks[style if len(self.stacks) > 1 else 0]
        turn = Reversal(lengths, x.shape[1])
        hidden, states = stack(x, turn, drop, None if state is None else state[1])
        return linear(hidden, self.head_weight[style], self.head_bias[style]), (interpreted, states)

    def standardised(self, x: Tensor) -> Tensor:
        """Standardise inputs [G, T, B, K] by the statistics of the training data."""
        return (x - self.mean[:, None, None]) / self.deviation[:, None, None]

    def interpret(self, x: Tensor, state: Carried | None = None) -> tuple[Tensor, LayerState | None]:
        """Run the interpretation layer on standardised inputs [G, T, B, K]; without one they are returned unchanged."""
        if self.interpretation is None:
            return x, None
        return self.interpretation.from_dense(x, None if state is None else state[0])


def detached(state: Carried) -> Carried:
    """Detach a state from the graph of the previous steps."""
    interpreted, stack = state
    return (
        None if interpreted is None else tuple(part.detach() for part in interpreted),
        [tuple(part.detach() for part in layer) for layer in stack],
    )
