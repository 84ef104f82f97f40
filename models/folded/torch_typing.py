"""Typed doors to what torch's annotations leave open."""

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def apply(function: type[torch.autograd.Function], *inputs: Tensor | float | None) -> Any:
    """Run a custom autograd function, which gives a tensor or several."""
    return function.apply(*inputs)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def tensor(array: NDArray[Any], device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> Tensor:
    """Put an array onto a device; without a copy where device and type allow, so the array is not to be written to."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, dtype)  # pyright: ignore[reportUnknownMemberType]


def row_norms(x: Tensor) -> Tensor:
    """Give the Euclidean norms [M] of the rows of x [M, N]."""
    return cast("Tensor", torch.linalg.vector_norm(x, dim=1))  # pyright: ignore[reportUnknownMemberType]
