"""Random batches of a composer's task."""

import torch
from torch import Tensor

from models.composer.copy_gate import Copies
from models.composer.task import ComposerTask
from models.folded.torch_typing import tensor


def random_batch(made: ComposerTask) -> tuple[Tensor, Tensor, Tensor, Tensor, None, Copies | None]:
    """Return arguments of the model's losses: random tokens that each fold has seen; the last step is padding."""
    source, shape = torch.Generator().manual_seed(0), (made.num_folds, 6, 2)
    seen = tensor(made.encoding.seen).double()
    tokens, targets = (torch.multinomial(seen, 12, replacement=True, generator=source).view(shape) for _ in range(2))
    positions = torch.randint(made.encoding.num_positions, shape, generator=source)
    share = torch.rand(shape, dtype=torch.float64, generator=source)
    share[:, -1, :], targets[:, -1, :] = 0, 0
    notes = torch.randint(made.encoding.melodies.num_notes, shape, generator=source)
    return tokens, positions, targets, share, None, made.copies(notes.numpy())
