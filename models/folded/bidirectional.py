"""Bidirectional recurrent layers over folds (Schuster & Paliwal 1997, "Bidirectional recurrent neural networks").

Symbols: G folds, T steps, B sequences of a fold, K inputs, H units of a direction.

Sequences of a batch may be shorter than T and are then padded; the backward layer reads the padding last, so that it
has no effect.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from models.folded.layers import Cell, LayerState, RecurrentLayer, fused_lstm

Drop: TypeAlias = Callable[[Tensor], Tensor]
"""Applies dropout to a layer's output."""


class Reversal:
    """Reverses sequences, each within its own length; applied twice, it restores them."""

    def __init__(self, lengths: Tensor, num_steps: int) -> None:
        """Prepare for a batch.

        Args:
            lengths: [G, B] int64 steps of each sequence.
            num_steps: T.
        """
        self.unpadded = bool((lengths == num_steps).all())
        if not self.unpadded:
            step = torch.arange(num_steps, device=lengths.device)[:, None]
            inside = step < lengths[:, None]
            self._index = torch.where(inside, lengths[:, None] - 1 - step, step).unsqueeze(3)

    def __call__(self, x: Tensor) -> Tensor:
        """Reverse x [G, T, B, K]."""
        return x.flip(1) if self.unpadded else x.gather(1, self._index.expand_as(x))


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
            ahead, after, back = _both(forwards, backwards, ahead, back, turn, before)
            ahead, back = drop(ahead), drop(back)
            states.append(after)
            if self.merge == "each":
                ahead = back = torch.cat([ahead, back], dim=-1)
        return (ahead if self.merge == "each" else torch.cat([ahead, back], dim=-1)), states


def _both(
    forwards: RecurrentLayer,
    backwards: RecurrentLayer,
    ahead: Tensor,
    back: Tensor,
    turn: Reversal,
    state: LayerState | None,
) -> tuple[Tensor, LayerState, Tensor]:
    """Return a level's forward output [G, T, B, H], its state, and the backward output [G, T, B, H] in time order."""
    if ahead is back and state is None and turn.unpadded and forwards.is_fused(ahead):
        # At 16 to 64 units twice as fast as two layers and two reversals.
        size = forwards.recurrent.shape[2]
        zeros = ahead.new_zeros(2, ahead.shape[2], size).expand(len(ahead), -1, -1, -1)
        hidden, h, c = fused_lstm(ahead, (forwards, backwards), zeros, zeros)
        return hidden[..., :size], (h[:, 0], c[:, 0]), hidden[..., size:]
    ahead, after = forwards.from_dense(ahead, state)
    back, _ = backwards.from_dense(turn(back))
    return ahead, after, turn(back)
