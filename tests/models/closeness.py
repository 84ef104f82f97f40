"""Equality up to rounding errors."""

import torch
from torch import Tensor


def assert_close(actual: Tensor, expected: Tensor, rtol: float = 1e-9, atol: float = 1e-11) -> None:
    """Fail unless two tensors agree within tolerances, by default those of float64."""
    torch.testing.assert_close(actual, expected, rtol=rtol, atol=atol)
