"""The input of a note that describes what the higher voices of its score sound when it begins.

By the chain rule, p(S) p(A | S) p(T | S, A) p(B | S, A, T) is the probability of all voices of a score. So the nats of
notes of a model that hears the voices above are those of a distribution, like the nats of one that does not: the
onset of a note follows from past durations, and everything about a higher voice is known before a lower one.

The input is a sum of rows of one table, like the embedding of a token: for each voice that is heard, its pitch, its
next pitch, and the time until then with whether its note begins now. Rows are 0 at first, and a voice that is not heard
adds nothing, so a fold that never saw a row is not disturbed by it. The three or fewer voices that are heard tell the
network which voice it predicts.

Symbols: G folds, K upper voices, R rows of a voice, F = 3 K rows of a note, N width.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data_prep.encodings.melody_notes import moved
from data_prep.melodies.events import NUM_GRID_PITCHES, grid_pitch
from data_prep.melodies.upper_voices import NO_VOICE, NUM_UPPER

_LEFT = np.array([0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4], np.float32)
"""Bounds of the classes of times until a voice's next note (quarter notes); each class includes its lower bound."""

_NUM_ROWS = 2 * NUM_GRID_PITCHES + 2 * (len(_LEFT) + 1)
"""R."""

_NO_ROW = -1


def upper_rows(upper: NDArray[np.void], shift: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of what is heard, transposed like the notes that are predicted.

    Args:
        upper: [..., K] of ``data_prep.melodies.upper_voices.UPPER``.
        shift: [...] semitones, or a shape that broadcasts to it.

    Returns:
        [..., F] numbers of rows; negative ones add nothing.
    """
    time = np.searchsorted(_LEFT, upper["left"], side="right") * 2 + upper["begins"]
    numbers = [
        np.where(upper[name] == NO_VOICE, _NO_ROW, moved(grid_pitch(upper[name]), shift[..., None]) + base)
        for name, base in (("pitch", 0), ("next", NUM_GRID_PITCHES))
    ]
    numbers.append(np.where(upper["pitch"] == NO_VOICE, _NO_ROW, time + 2 * NUM_GRID_PITCHES))
    stacked = np.stack(numbers, axis=-1)
    of_voice = np.arange(NUM_UPPER)[:, None] * _NUM_ROWS
    return np.where(stacked >= 0, stacked + of_voice, _NO_ROW).reshape(*upper.shape[:-1], -1)


class UpperVoices(nn.Module):
    """The table of all rows.

    Attributes:
        table: [G, K * R, N].
    """

    def __init__(self, num_folds: int, width: int) -> None:
        """Start with rows that are 0."""
        super().__init__()
        self.table = nn.Parameter(torch.zeros(num_folds, NUM_UPPER * _NUM_ROWS, width))

    def forward(self, rows: Tensor) -> Tensor:
        """Return [G, ..., N] the sum of the rows [G, ..., F]; negative ones add nothing."""
        num_folds, num_rows, width = self.table.shape
        first = torch.arange(num_folds, device=rows.device).mul_(num_rows).view(-1, *[1] * (rows.dim() - 1))
        summed = torch.nn.functional.embedding_bag(
            (rows.clamp_min(0) + first).flatten(0, -2),
            self.table.flatten(0, 1),
            mode="sum",
            per_sample_weights=(rows >= 0).to(self.table.dtype).flatten(0, -2),
        )
        return summed.view(*rows.shape[:-1], width)
