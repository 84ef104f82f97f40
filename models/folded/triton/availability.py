"""Whether the kernels can be used, and the reason why not: the machine, the layer, or what they compute there.

Nothing here imports Triton, which takes a second, where there is no GPU for it.
"""

import importlib.util
from functools import cache

import torch

from models.folded.triton.sizes import MOST_BYTES, fits

_LEAST_CAPABILITY = (8, 0)  # Ampere: tensor cores for bfloat16, asynchronous copies


@cache
def machine_obstacle(device: torch.device) -> str | None:
    """Return why no kernel can run on a device, as a phrase; None if nothing is known against it."""
    if device.type != "cuda":
        return "Triton's kernels are for NVIDIA GPUs"
    if not torch.cuda.is_available():
        return "torch finds no CUDA device"
    capability = torch.cuda.get_device_capability(device)
    if capability < _LEAST_CAPABILITY:
        return "the GPU has compute capability {}.{}, and Triton's kernels need {}.{}".format(
            *capability, *_LEAST_CAPABILITY
        )
    if importlib.util.find_spec("triton") is None:
        return "the package triton is not installed"
    return None


@cache
def disagreement(cell: str, size: int, device: torch.device) -> str | None:
    """Run a cell's kernels once on a few sequences, and compare outputs and gradients with the reference in float64.

    Args:
        cell: A ``models.folded.arguments.Cell``.
        size: H.
        device: Where to run.

    Returns:
        How they failed, as a phrase; None if they agree. The result is kept, so that a process compares only once.
    """
    try:
        from models.folded.triton.agreement import TOLERANCE, largest_difference

        with torch.inference_mode(False), torch.enable_grad():
            difference, name = largest_difference(cell, size, device)
    except Exception as error:  # noqa: BLE001  (compilers, drivers and Triton raise anything)
        message = str(error).strip().split("\n", 1)[0]
        return f"Triton's {cell} kernel of {size} units raised {type(error).__name__}: {message}"
    if difference <= TOLERANCE:
        return None
    return (
        f"Triton's {cell} kernel of {size} units differs from the reference: {name} by {difference:.1e} of its maximum"
    )


def obstacle(cell: str, size: int, dtype: torch.dtype, device: torch.device) -> str | None:
    """Find out why a layer cannot use the kernels on a device.

    Args:
        cell: A ``models.folded.arguments.Cell``.
        size: H.
        dtype: Of pre-activations and weights.
        device: Where the layer runs.

    Returns:
        The reason as a phrase; None if it can.
    """
    found = machine_obstacle(device)
    if found is None and not fits(cell, size, dtype):
        limit = f"{MOST_BYTES // 2**20} MiB of a fold's recurrent weights"
        found = f"Triton's kernels are for float32 and at most {limit}, not for {dtype} and {cell} of size {size}"
    return found or disagreement(cell, size, device)
