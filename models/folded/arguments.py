"""Arguments that all backends take: cells and their weights, the order of sequences, and mixtures with a softmax.

Symbols: G folds, T steps, B sequences of a fold, M rows, K inputs, H units, n gates of a cell.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Cell: TypeAlias = Literal["rnn", "gru", "lstm", "peephole"]
"""The recurrent cells."""

GATES: dict[str, int] = {"rnn": 1, "gru": 3, "lstm": 4, "peephole": 4}
"""The number n of each cell's gates."""

LayerState: TypeAlias = tuple[Tensor, ...]
"""The state of a layer, each part [G, B, H]: h, and c for an LSTM."""


@dataclass(frozen=True)
class CellWeights:
    """The parameters of a layer's recurrence.

    Attributes:
        cell: The cell.
        recurrent: [G, n * H, H].
        recurrent_bias: [G, H] for a GRU, the bias that the reset gate multiplies; else None.
        peephole: [G, 3, H] for a peephole LSTM, the weights of i, f and o; else None.
    """

    cell: Cell
    recurrent: Tensor
    recurrent_bias: Tensor | None = None
    peephole: Tensor | None = None


class Reversal:
    """Reverses sequences, each within its own length; applied twice, it restores them.

    Attributes:
        lengths: [G, B] int64 steps of each sequence; None if there is no padding.
    """

    def __init__(self, lengths: Tensor, num_steps: int) -> None:
        """Prepare for a batch.

        Args:
            lengths: [G, B] int64 steps of each sequence.
            num_steps: T.
        """
        self.lengths = None if bool((lengths == num_steps).all()) else lengths.contiguous()
        if self.lengths is not None:
            step = torch.arange(num_steps, device=lengths.device)[:, None]
            inside = step < lengths[:, None]
            self._index = torch.where(inside, lengths[:, None] - 1 - step, step).unsqueeze(3)

    def __call__(self, x: Tensor) -> Tensor:
        """Reverse x [G, T, B, K]."""
        return x.flip(1) if self.lengths is None else x.gather(1, self._index.expand_as(x))


@dataclass(frozen=True)
class Pointer:
    """The other part of a mixture with a softmax.

    Attributes:
        log_weight: [G, M] log of the softmax's weight in the mixture (nats).
        probability: [G, M] weighted probability of the target under the other part.
        own_loss: Weight of the softmax's own cross-entropy, which is added to the mixture's.
    """

    log_weight: Tensor
    probability: Tensor
    own_loss: float
