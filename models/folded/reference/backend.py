"""The operations of the reference backend, which the other backends replace by faster ones.

Symbols: G folds, T steps, B sequences of a fold, K inputs, H units, n gates of a cell.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from models.folded.arguments import CellWeights, LayerState, Pointer, Reversal
from models.folded.reference import cross_entropy, dense
from models.folded.reference.gru import gru
from models.folded.reference.lstm import lstm
from models.folded.reference.rnn import rnn


class Reference:
    """Torch's operators on any device."""

    name: ClassVar[str] = "reference"

    @property
    def version(self) -> str:
        """What distinguishes it from other versions and machines, in a few words."""
        return "torch's operators"

    def recurrence(
        self, cell: CellWeights, pre: Tensor, state: LayerState | None, turn: Reversal | None
    ) -> tuple[Tensor, LayerState]:
        """Run a layer on pre-activations.

        Args:
            cell: The cell and its weights.
            pre: [G, T, B, n * H] contributions of inputs and biases to the gates; overwritten, so not to be shared.
            state: The state before the first step; None for zeros.
            turn: Reads the sequences from their ends, and the padding last; None for a forward layer.

        Returns:
            [G, T, B, H] hidden states in the order of time, and the state after the last step, which is undefined for
            reversed sequences.
        """
        hidden, after = self._run_cell(cell, pre if turn is None else turn(pre), state)
        return (hidden if turn is None else turn(hidden)), after

    def dense_recurrence(
        self,
        cell: CellWeights,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        state: LayerState | None,
        turn: Reversal | None,
    ) -> tuple[Tensor, LayerState]:
        """Run a layer on inputs x [G, T, B, K] with weights [G, n * H, K] and biases [G, n * H]; see ``recurrence``."""
        if turn is not None:
            x = turn(x)
        if cell.cell == "lstm" and x.dtype == torch.float32:
            hidden, after = _fused_lstm(x, weight, bias, cell.recurrent, state)
        else:
            pre = self.linear(x.flatten(1, -2), weight, bias).view(*x.shape[:-1], weight.shape[1])
            hidden, after = self._run_cell(cell, pre, state)
        return (hidden if turn is None else turn(hidden)), after

    def _run_cell(self, cell: CellWeights, pre: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        return run_cell(cell, pre, state, (lstm, gru, rnn))

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Apply a dense layer; see :func:`models.folded.reference.dense.linear`."""
        return dense.linear(x, weight, bias)

    def linear_cross_entropy(
        self, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, share: Tensor, pointer: Pointer | None
    ) -> tuple[Tensor, Tensor]:
        """Return losses; see :func:`models.folded.cross_entropy.linear_cross_entropy`."""
        return cross_entropy.linear_cross_entropy(hidden, weight, bias, target, share, pointer)

    def token_log_probabilities(self, hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
        """Return log probabilities; see :func:`models.folded.cross_entropy.token_log_probabilities`."""
        return cross_entropy.token_log_probabilities(hidden, weight, bias, tokens)


def run_cell(
    cell: CellWeights,
    pre: Tensor,
    state: LayerState | None,
    kernels: tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]],
) -> tuple[Tensor, LayerState]:
    """Run a forward layer on pre-activations by a backend's functions for the LSTM, the GRU and Elman's cell.

    Args:
        cell: The cell and its weights.
        pre: [G, T, B, n * H]; overwritten.
        state: The state before the first step; None for zeros.
        kernels: Functions with the signatures of ``lstm``, ``gru`` and ``rnn`` in this package.

    Returns:
        [G, T, B, H] hidden states, and the state after the last step.
    """
    of_lstm, of_gru, of_rnn = kernels
    h0 = None if state is None else state[0]
    if cell.cell == "rnn":
        hidden, last = of_rnn(pre, cell.recurrent, h0)
        return hidden, (last,)
    if cell.recurrent_bias is not None:
        hidden, last = of_gru(pre, cell.recurrent, cell.recurrent_bias, h0)
        return hidden, (last,)
    return of_lstm(pre, cell.recurrent, cell.peephole, None if state is None else (state[0], state[1]))


def _fused_lstm(
    x: Tensor, weight: Tensor, bias: Tensor, recurrent: Tensor, state: LayerState | None
) -> tuple[Tensor, LayerState]:
    """Run torch's fused LSTM (oneDNN's or cuDNN's) fold by fold; for the shapes see ``Reference.dense_recurrence``."""
    zeros = x.new_zeros(len(x), x.shape[2], recurrent.shape[2])
    h0, c0 = state or (zeros, zeros)
    parts = zip(
        *(tensor.unbind(0) for tensor in (x, h0.unsqueeze(1), c0.unsqueeze(1), weight, recurrent, bias)),
        torch.zeros_like(bias).unbind(0),
        strict=True,
    )
    folds = [
        torch.lstm(fold_x, (h, c), fold_weights, True, 1, 0.0, True, False, False)
        for fold_x, h, c, *fold_weights in parts
    ]
    hidden, h, c = (torch.stack(parts) for parts in zip(*folds, strict=True))
    return hidden, (h.squeeze(1), c.squeeze(1))
