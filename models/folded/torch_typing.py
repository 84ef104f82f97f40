"""Typed wrappers for parts of torch whose annotations are incomplete."""

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Function: Any = torch.autograd.Function
"""Base class of autograd functions; no subclass fits torch's annotations of ``forward`` and ``backward``."""


def tensor(array: NDArray[Any], device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> Tensor:
    """Return an array as a tensor on a device; it may share memory with the array, which must not change afterwards."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, dtype)  # pyright: ignore[reportUnknownMemberType]


def row_norms(x: Tensor) -> Tensor:
    """Return the Euclidean norms [M] of the rows of x [M, N]."""
    return cast("Tensor", torch.linalg.vector_norm(x, dim=1))  # pyright: ignore[reportUnknownMemberType]
