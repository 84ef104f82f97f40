"""A recurrent layer over folds with its weights, for all cells.

Symbols: G folds, T steps, B sequences of a fold, K inputs, H units, n gates of a cell.

A layer takes one-hot inputs, whose pre-activations are gathered rows, or dense inputs.
"""

import torch
from torch import Tensor, nn

from models.folded.arguments import GATES, Cell, CellWeights, LayerState, Reversal
from models.folded.backends import backend_of
from models.folded.initial import Initial, cell_bound, peephole_bound, uniform
from models.folded.linear import rows


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
        width = GATES[cell] * size
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
        pre = pre if extra is None else pre + extra
        return backend_of(pre).recurrence(self._cell_weights(), pre, state, None)

    def from_dense(
        self, x: Tensor, state: LayerState | None = None, turn: Reversal | None = None
    ) -> tuple[Tensor, LayerState]:
        """Run on dense inputs.

        Args:
            x: [G, T, B, K].
            state: The state before the first step; None for zeros.
            turn: Reads the sequences from their ends; None for a forward layer.

        Returns:
            [G, T, B, H] hidden states in the order of time, and the state after the last step, which is undefined for
            reversed sequences.
        """
        return backend_of(x).dense_recurrence(self._cell_weights(), x, self.weight, self.bias, state, turn)

    def _cell_weights(self) -> CellWeights:
        return CellWeights(self.cell, self.recurrent, self.recurrent_bias, self.peephole)
