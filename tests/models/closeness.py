"""Equality to rounding."""

import torch
from torch import Tensor


def assert_close(found: Tensor, expected: Tensor, rtol: float = 1e-9, atol: float = 1e-11) -> None:
    """Fail unless two tensors agree to the rounding of float64, or to what is given."""
    torch.testing.assert_close(found, expected, rtol=rtol, atol=atol)
