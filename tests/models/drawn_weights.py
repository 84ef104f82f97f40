"""A watch on initial weights: how many numbers of each tensor were really drawn."""

from typing import Any

import pytest
import torch
from torch import Tensor


def watched_draws(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which every draw of weights adds its count of numbers, 0 where no memory stands behind them."""
    drawn: list[int] = []

    def watch(name: str) -> None:
        draw = getattr(torch.Tensor, name)

        def watched(tensor: Tensor, *arguments: Any, **how: Any) -> Tensor:
            drawn.append(0 if tensor.is_meta else tensor.numel())
            return draw(tensor, *arguments, **how)

        monkeypatch.setattr(torch.Tensor, name, watched)

    for name in ("uniform_", "normal_"):
        watch(name)
    return drawn
