"""A recurrent layer over folds with its weights, for all cells.

Symbols: G folds, T steps, B sequences of a fold, K inputs, H units, n gates of a cell, D directions.

A layer takes one-hot inputs, whose pre-activations are gathered rows, or dense inputs. The cells are implemented in
``lstm.py``, ``gru.py`` and ``rnn.py``; if torch has a fused kernel for a dense layer (oneDNN's or cuDNN's LSTM in
float32), that runs fold by fold instead.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from models.folded.gru import gru
from models.folded.initial import Initial, cell_bound, peephole_bound, uniform
from models.folded.linear import linear, rows
from models.folded.lstm import lstm
from models.folded.rnn import rnn

Cell: TypeAlias = Literal["rnn", "gru", "lstm", "peephole"]
"""The recurrent cells."""

LayerState: TypeAlias = tuple[Tensor, ...]
"""The state of a layer, each part [G, B, H]: h, and c for an LSTM."""

_GATES: dict[Cell, int] = {"rnn": 1, "gru": 3, "lstm": 4, "peephole": 4}


class RecurrentLayer(nn.Module):
    """One recurrent layer of G models.

    Attributes:
        weight: [G, n * H, K] input weights, or [G, V, n * H] a row for each one-hot input.
        recurrent: [G, n * H, H].
        bias: [G, n * H].
        recurrent_bias: [G, H] only for a GRU: the bias that the reset gate multiplies.
        peephole: [G, 3, H] only for the peephole LSTM: weights of i, f and o.
    """

    def __init__(
        self,
        cell: Cell,
        num_inputs: int,
        size: int,
        *,
        one_hot: bool,
        generators: list[torch.Generator],
        initial: Initial = "torch",
    ) -> None:
        """Draw each fold's weights from its own generator; biases are 0, those of forget gates 1.

        Args:
            cell: The cell.
            num_inputs: K, or V for one-hot inputs.
            size: H.
            one_hot: Whether inputs are row numbers.
            generators: One per fold.
            initial: The rule of initial weights.
        """
        super().__init__()
        self.cell: Cell = cell
        self.one_hot = one_hot
        width = _GATES[cell] * size
        bound = cell_bound(initial, num_inputs, size, width)
        shape = (num_inputs, width) if one_hot else (width, num_inputs)
        self.weight = nn.Parameter(uniform(shape, bound, generators))
        self.recurrent = nn.Parameter(uniform((width, size), bound, generators))
        self.bias = nn.Parameter(torch.zeros(len(generators), width))
        if cell in {"lstm", "peephole"}:
            self.bias.data[:, size : 2 * size] = 1.0  # the forget gate starts open
        self.recurrent_bias = nn.Parameter(torch.zeros(len(generators), size)) if cell == "gru" else None
        self.peephole = None
        if cell == "peephole":
            self.peephole = nn.Parameter(uniform((3, size), peephole_bound(initial, size), generators))

    def from_rows(
        self, index: Tensor, extra: Tensor | None = None, state: LayerState | None = None
    ) -> tuple[Tensor, LayerState]:
        """Run on one-hot inputs.

        Args:
            index: [G, T, B] int64 rows.
            extra: [G, T, B, n * H] further summands of the pre-activations.
            state: The state before the first step; None for zeros.

        Returns:
            [G, T, B, H] hidden states, and the state after the last step.
        """
        # Adding the bias to the table is cheaper than adding it to all pre-activations.
        pre = rows(self.weight + self.bias.unsqueeze(1), index)
        return self._run(pre if extra is None else pre + extra, state)

    def from_dense(self, x: Tensor, state: LayerState | None = None) -> tuple[Tensor, LayerState]:
        """Run on inputs x [G, T, B, K]; see ``from_rows``."""
        if self.is_fused(x):
            zeros = x.new_zeros(len(x), x.shape[2], self.recurrent.shape[2])
            h0, c0 = state or (zeros, zeros)
            hidden, h, c = fused_lstm(x, (self,), h0.unsqueeze(1), c0.unsqueeze(1))
            return hidden, (h.squeeze(1), c.squeeze(1))
        return self._run(linear(x, self.weight, self.bias), state)

    def is_fused(self, x: Tensor) -> bool:
        """Return whether torch has a fused kernel for this layer with the input x."""
        return self.cell == "lstm" and x.dtype == torch.float32

    def _run(self, pre: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        if self.cell == "rnn":
            hidden, last = rnn(pre, self.recurrent, None if state is None else state[0])
            return hidden, (last,)
        if self.recurrent_bias is not None:
            hidden, last = gru(pre, self.recurrent, self.recurrent_bias, None if state is None else state[0])
            return hidden, (last,)
        return lstm(pre, self.recurrent, self.peephole, None if state is None else (state[0], state[1]))


def fused_lstm(
    x: Tensor, directions: Sequence[RecurrentLayer], h0: Tensor, c0: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Run torch's fused LSTM fold by fold.

    Args:
        x: [G, T, B, K].
        directions: The forward layer, and the backward layer if there is one.
        h0: [G, D, B, H] h before the first step.
        c0: [G, D, B, H] c before the first step.

    Returns:
        [G, T, B, D * H] hidden states, and h and c after the last step, [G, D, B, H] each.
    """
    no_bias = torch.zeros_like(directions[0].bias).unbind(0)
    weights = (
        part
        for layer in directions
        for part in (layer.weight.unbind(0), layer.recurrent.unbind(0), layer.bias.unbind(0), no_bias)
    )
    folds = [
        torch.lstm(fold_x, (h, c), fold_weights, True, 1, 0.0, True, len(directions) > 1, False)
        for fold_x, h, c, *fold_weights in zip(x.unbind(0), h0.unbind(0), c0.unbind(0), *weights, strict=True)
    ]
    hidden, h, c = (torch.stack(parts) for parts in zip(*folds, strict=True))
    return hidden, h, c
