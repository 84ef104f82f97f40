"""Where tensors live, and how much of a GPU's memory they may take."""

# torch's stubs leave parameters unknown:
# pyright: reportUnknownMemberType=false

from typing import Final

GPU_CONTEXT: Final = 2**30
"""Bytes of a GPU that are left to CUDA itself in every process: its context, kernels and libraries' workspaces."""


def best_device() -> str:
    """Return the best available device: "cuda", else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def use_threads(count: int) -> None:
    """Compute with that many CPU threads in this process."""
    import torch

    torch.set_num_threads(count)


def limit_memory(share: float) -> None:
    """Limit this process's tensors to a part of its GPU; more raises torch.OutOfMemoryError.

    Ray divides a GPU's time among processes and not its memory. Nothing happens where there is no GPU, or the process
    has one or several whole ones.

    Args:
        share: The part of the GPU that the process was given.
    """
    import torch

    if 0 < share < 1 and torch.cuda.is_available():
        _, total = torch.cuda.mem_get_info()
        torch.cuda.set_per_process_memory_fraction(part_for_tensors(share, total))


def part_for_tensors(share: float, total: int) -> float:
    """Take from a part of a GPU what CUDA itself needs, half of the part at most.

    Args:
        share: The part, 0..1.
        total: Bytes of the GPU.

    Returns:
        The part that is left to tensors.
    """
    return max(share - GPU_CONTEXT / total, share / 2)
