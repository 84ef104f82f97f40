"""Typed wrappers for what torch's annotations leave open."""

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Function: Any = torch.autograd.Function
"""The base of an autograd function; torch annotates ``forward`` and ``backward`` so that no subclass fits."""


def tensor(array: NDArray[Any], device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> Tensor:
    """Move an array to a device; without a copy where device and type allow, so the array must not change later."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, dtype)  # pyright: ignore[reportUnknownMemberType]


def row_norms(x: Tensor) -> Tensor:
    """Return the Euclidean norms [M] of the rows of x [M, N]."""
    return cast("Tensor", torch.linalg.vector_norm(x, dim=1))  # pyright: ignore[reportUnknownMemberType]
