"""The operations of the Triton backend: recurrences by its kernels where they can be used, else by the reference."""

from typing import ClassVar

import torch
from torch import Tensor

from models.folded.arguments import CellWeights, LayerState, Reversal
from models.folded.reference.backend import Reference
from models.folded.triton.availability import machine_obstacle, obstacle


class Triton(Reference):
    """Persistent kernels for recurrences on a GPU; everything else is the reference's.

    Attributes:
        obstacles: Why layers were computed by the reference.
    """

    name: ClassVar[str] = "triton"

    def __init__(self) -> None:
        """Begin without obstacles."""
        self.obstacles: list[str] = []

    @property
    def version(self) -> str:
        """The GPU's compute capability, and why layers were computed by the reference."""
        capability = "compute capability {}.{}".format(*torch.cuda.get_device_capability())
        return "; ".join([capability, *(f"the reference instead, because {reason}" for reason in self.obstacles)])

    def recurrence(
        self, cell: CellWeights, pre: Tensor, state: LayerState | None, turn: Reversal | None
    ) -> tuple[Tensor, LayerState]:
        """Run a layer on pre-activations; see ``Reference.recurrence``."""
        if not self._has_kernels(cell, pre):
            return super().recurrence(cell, pre, state, turn)
        hidden, after = _run(cell, pre if turn is None else turn(pre), state)
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
        """Run a layer on dense inputs; see ``Reference.dense_recurrence``."""
        if not self._has_kernels(cell, x):
            return super().dense_recurrence(cell, x, weight, bias, state, turn)
        pre = self.linear(x.flatten(1, -2), weight, bias).view(*x.shape[:-1], weight.shape[1])
        return self.recurrence(cell, pre, state, turn)

    def _has_kernels(self, cell: CellWeights, x: Tensor) -> bool:
        reason = obstacle(cell.cell, cell.recurrent.shape[2], x.dtype, x.device)
        if reason is not None and reason not in self.obstacles:
            self.obstacles.append(reason)
        return reason is None


def _run(cell: CellWeights, pre: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
    from models.folded.triton.gru import gru
    from models.folded.triton.lstm import lstm
    from models.folded.triton.rnn import rnn

    h0 = None if state is None else state[0]
    if cell.cell == "rnn":
        hidden, last = rnn(pre, cell.recurrent, h0)
        return hidden, (last,)
    if cell.recurrent_bias is not None:
        hidden, last = gru(pre, cell.recurrent, cell.recurrent_bias, h0)
        return hidden, (last,)
    return lstm(pre, cell.recurrent, cell.peephole, None if state is None else (state[0], state[1]))


def load() -> Triton | str:
    """Return the backend, or the reason why it is not available."""
    return machine_obstacle(torch.device("cuda")) or Triton()
