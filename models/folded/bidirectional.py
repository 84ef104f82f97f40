"""Bidirectional recurrent layers over folds (Schuster & Paliwal 1997, "Bidirectional recurrent neural networks").

Symbols: G folds, T steps, B sequences of a fold, K inputs, H units of a direction.

Sequences of a batch may be shorter than T and are then padded; the backward layer reads the padding last, so that it
has no effect.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from models.folded.arguments import Cell, LayerState, Reversal
from models.folded.layers import RecurrentLayer

Drop: TypeAlias = Callable[[Tensor], Tensor]
"""Applies dropout to a layer's output."""


class BidirectionalStack(nn.Module):
    """Stacked layers of both directions.

    Attributes:
        forwards: One layer per level.
        backwards: One layer per level.
        merge: "each": a level reads both directions of the level below. "top": only the output joins the directions.
    """

    def __init__(
        self,
        cell: Cell,
        num_inputs: int,
        size: int,
        num_layers: int,
        merge: Literal["each", "top"],
        generators: list[torch.Generator],
    ) -> None:
        """Draw the weights.

        Args:
            cell: The cell.
            num_inputs: K.
            size: H.
            num_layers: Number of levels.
            merge: Where the directions are joined.
            generators: One per fold.
        """
        super().__init__()
        self.merge: Literal["each", "top"] = merge
        later = 2 * size if merge == "each" else size
        widths = [num_inputs] + [later] * (num_layers - 1)

        def layer(width: int) -> RecurrentLayer:
            return RecurrentLayer(cell, width, size, one_hot=False, generators=generators)

        self.forwards = nn.ModuleList(layer(width) for width in widths)
        self.backwards = nn.ModuleList(layer(width) for width in widths)

    def forward(
        self, x: Tensor, turn: Reversal, drop: Drop, state: list[LayerState] | None = None
    ) -> tuple[Tensor, list[LayerState]]:
        """Run the stack.

        Args:
            x: [G, T, B, K].
            turn: The reversal for the batch.
            drop: Dropout on each direction's output of each level.
            state: State of the forward layers before the first step; None for zeros. Backward layers start from zeros.

        Returns:
            [G, T, B, 2H] forward and backward outputs concatenated, and the forward layers' state after the last step,
            which is valid for sequences without padding.
        """
        states: list[LayerState] = []
        ahead, back = x, x
        for level, (forwards, backwards) in enumerate(zip(self.forwards, self.backwards, strict=True)):
            assert isinstance(forwards, RecurrentLayer)
            assert isinstance(backwards, RecurrentLayer)
            before = None if state is None else state[level]
            ahead, after = forwards.from_dense(ahead, before)
            back, _ = backwards.from_dense(back, turn=turn)
            ahead, back = drop(ahead), drop(back)
            states.append(after)
            if self.merge == "each":
                ahead = back = torch.cat([ahead, back], dim=-1)
        return (ahead if self.merge == "each" else torch.cat([ahead, back], dim=-1)), states
