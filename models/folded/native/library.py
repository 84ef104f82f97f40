"""Calls of the compiled kernels: tensors are passed as pointers in a structure of 8-byte fields."""

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

Argument = Tensor | int | None
"""A field of a kernel's structure: an address, a number, or null."""

_TYPES: Final = {torch.float32: "float32", torch.float64: "float64"}

LAYER: Final = (
    *("folds", "steps", "batch", "size", "inputs", "backwards", "threads", "lengths", "x", "weight", "bias"),
    *("recurrent", "h0", "gates", "hidden", "dhidden", "dx", "dweight", "dbias", "dpre", "drecurrent", "dh0"),
    *("cells", "tanh_cells", "c0", "peephole", "dcell", "dpeephole", "products", "recurrent_bias", "drecurrent_bias"),
)
"""The fields of ``Layer`` in source/recurrence.hpp."""

LINEAR: Final = (
    *("folds", "rows", "inputs", "outputs", "threads", "x", "weight", "bias", "y"),
    *("dy", "dx", "dweight", "dbias"),
)
"""The fields of ``Call`` in source/linear.cpp."""

CROSS_ENTROPY: Final = (
    *("folds", "rows", "size", "tokens", "asked", "threads", "hidden", "weight", "bias", "target", "share"),
    *("log_weight", "probability", "own_loss", "dhidden", "dweight", "dbias", "dlog_weight", "dprobability"),
    *("nats", "own", "log_p"),
)
"""The fields of ``Call`` in source/cross_entropy.cpp."""


class Library:
    """The kernels of a compiled library."""

    def __init__(self, path: Path) -> None:
        """Load a library; raise OSError if it cannot be loaded."""
        self._library = ctypes.CDLL(str(path))

    def call(self, function: str, dtype: torch.dtype, fields: Sequence[str], arguments: Mapping[str, Argument]) -> None:
        """Call a kernel for all folds.

        Args:
            function: Its name, without the type.
            dtype: float32 or float64, the type of all floating-point tensors.
            fields: The fields of the kernel's structure, in order.
            arguments: Values by field: contiguous tensors on the CPU, of ``dtype`` or int64. Missing ones are null, and
                "threads" is the number of this process.
        """
        values = {**arguments, "threads": torch.get_num_threads()}
        structure = (ctypes.c_int64 * len(fields))(*(_field(values.get(name), dtype) for name in fields))
        getattr(self._library, f"{function}_{_TYPES[dtype]}")(structure)


def _field(value: Argument, dtype: torch.dtype) -> int:
    if isinstance(value, Tensor):
        assert value.is_contiguous()
        assert value.dtype in {dtype, torch.int64}
        return value.data_ptr()
    return value or 0
