"""A recurrent layer over folds with its weights, whatever the cell.

Symbols: G folds, T steps, B sequences of a fold, K inputs, H units, n gates of a cell.

A layer has two entrances: pre-activations gathered from rows (a one-hot input), and dense inputs. Every cell's loop is
the reference in ``lstm.py``, ``gru.py`` and ``rnn.py``; where torch has a fused kernel for a dense layer (oneDNN's or
cuDNN's LSTM in float32), that runs fold by fold instead.
"""

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

State: TypeAlias = tuple[Tensor, ...]
"""What a layer carries from step to step, each [G, B, H]: h, and c for the cells with one."""

_GATES: dict[Cell, int] = {"rnn": 1, "gru": 3, "lstm": 4, "peephole": 4}


class RecurrentLayer(nn.Module):
    """One recurrent layer of G models.

    Attributes:
        weight: [G, n * H, K] input weights, or [G, V, n * H] a row for each one-hot input.
        recurrent: [G, n * H, H].
        bias: [G, n * H].
        recurrent_bias: [G, H], of a GRU alone: inside its reset gate's reach.
        peephole: [G, 3, H], of the peephole LSTM alone: of i, f and o.
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
        """Draw each fold's weights from its own generator; biases are 0, a forget gate's 1.

        Args:
            cell: The cell.
            num_inputs: K, or V for one-hot inputs.
            size: H.
            one_hot: Whether inputs are rows' numbers.
            generators: One a fold.
            initial: The rule by which weights are drawn.
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

    def from_rows(self, index: Tensor, extra: Tensor | None = None, state: State | None = None) -> tuple[Tensor, State]:
        """Run on one-hot inputs.

        Args:
            index: [G, T, B] int64 rows.
            extra: [G, T, B, n * H] what else adds to the gates.
            state: The state before the first step; None for zeros.

        Returns:
            [G, T, B, H] hidden states, and the state after the last step.
        """
        # The bias goes through the table: fewer rows than notes, and no further pass over all pre-activations.
        pre = rows(self.weight + self.bias.unsqueeze(1), index)
        return self._run(pre if extra is None else pre + extra, state)

    def from_dense(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run on inputs x [G, T, B, K]; otherwise as ``from_rows``."""
        if self.is_fused(x):
            return self._fused_lstm(x, state)
        return self._run(linear(x, self.weight, self.bias), state)

    def is_fused(self, x: Tensor) -> bool:
        """Return whether torch has a fused kernel for this layer on inputs like x."""
        return self.cell == "lstm" and x.dtype == torch.float32

    def _run(self, pre: Tensor, state: State | None) -> tuple[Tensor, State]:
        if self.cell == "rnn":
            hidden, last = rnn(pre, self.recurrent, None if state is None else state[0])
            return hidden, (last,)
        if self.recurrent_bias is not None:
            hidden, last = gru(pre, self.recurrent, self.recurrent_bias, None if state is None else state[0])
            return hidden, (last,)
        return lstm(pre, self.recurrent, self.peephole, None if state is None else (state[0], state[1]))

    def _fused_lstm(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        num_folds, _, batch, _ = x.shape
        size = self.recurrent.shape[2]
        h0, c0 = state if state is not None else x.new_zeros(2, num_folds, batch, size).unbind(0)
        no_bias = torch.zeros_like(self.bias[0])
        folds = [
            torch.lstm(fold_x, (h.unsqueeze(0), c.unsqueeze(0)), [w, r, b, no_bias], True, 1, 0.0, True, False, False)
            for fold_x, h, c, w, r, b in zip(
                x.unbind(0),
                h0.unbind(0),
                c0.unbind(0),
                self.weight.unbind(0),
                self.recurrent.unbind(0),
                self.bias.unbind(0),
                strict=True,
            )
        ]
        hidden, h, c = (torch.stack(parts) for parts in zip(*folds, strict=True))
        return hidden, (h.squeeze(1), c.squeeze(1))
