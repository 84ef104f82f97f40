"""The operations of the Triton backend: recurrences by its kernels where they can be used, else by the reference."""

from typing import ClassVar

import torch
from torch import Tensor

from models.folded.arguments import CellWeights, LayerState, Reversal
from models.folded.reference.backend import Reference, run_cell
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

    def _run_cell(self, cell: CellWeights, pre: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        if not self._has_kernels(cell, pre):
            return super()._run_cell(cell, pre, state)
        from models.folded.triton.gru import gru
        from models.folded.triton.lstm import lstm
        from models.folded.triton.rnn import rnn

        return run_cell(cell, pre, state, (lstm, gru, rnn))

    def _has_kernels(self, cell: CellWeights, x: Tensor) -> bool:
        reason = obstacle(cell.cell, cell.recurrent.shape[2], x.dtype, x.device)
        if reason is not None and reason not in self.obstacles:
            self.obstacles.append(reason)
        return reason is None


def load() -> Triton | str:
    """Return the backend, or the reason why it is not available."""
    return machine_obstacle(torch.device("cuda")) or Triton()
