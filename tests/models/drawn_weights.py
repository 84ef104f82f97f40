"""Count the numbers that are drawn for initial weights."""

from typing import Any

import pytest
import torch
from torch import Tensor


def watched_draws(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which every draw of weights appends its count of numbers."""
    drawn: list[int] = []

    def watch(name: str) -> None:
        draw = getattr(torch.Tensor, name)

        def watched(tensor: Tensor, *arguments: Any, **options: Any) -> Tensor:
            drawn.append(tensor.numel())
            return draw(tensor, *arguments, **options)

        monkeypatch.setattr(torch.Tensor, name, watched)

    for name in ("uniform_", "normal_"):
        watch(name)
    return drawn
