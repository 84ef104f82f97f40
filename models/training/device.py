"""The device and threads of tensors, and a limit on the GPU memory that they may take."""

# torch's stubs leave parameters unknown:
# pyright: reportUnknownMemberType=false

from typing import Final

GPU_CONTEXT: Final = 2**30
"""Bytes of a GPU that CUDA itself needs in every process: its context, kernels and libraries' workspaces."""


def best_device() -> str:
    """Return the best available device: "cuda", else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def use_threads(count: int) -> None:
    """Set the number of CPU threads of this process."""
    import torch

    torch.set_num_threads(count)


def limit_memory(share: float) -> None:
    """Limit this process's tensors to a share of its GPU; more raises torch.OutOfMemoryError.

    Ray divides a GPU's time among processes but not its memory. Without a GPU, or with one or more entire GPUs for this
    process, nothing is limited.

    Args:
        share: The share of the GPU that is assigned to the process.
    """
    if not 0 < share < 1:
        return
    import torch

    if torch.cuda.is_available():
        _, total = torch.cuda.mem_get_info()
        torch.cuda.set_per_process_memory_fraction(part_for_tensors(share, total))


def part_for_tensors(share: float, total: int) -> float:
    """Subtract from a share of a GPU the memory that CUDA itself needs, but at most half of the share.

    Args:
        share: The share of a process, 0..1.
        total: Memory of the GPU (bytes).

    Returns:
        The share of the GPU that is left for tensors.
    """
    return max(share - GPU_CONTEXT / total, share / 2)
