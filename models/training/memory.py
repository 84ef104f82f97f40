"""Measure the memory that training takes, by training for one epoch."""

import importlib
import multiprocessing
import os
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.errors import BadInputError
from models.family import Family
from models.spec import Spec


@dataclass(frozen=True)
class PeakMemory:
    """Peak memory of training.

    Attributes:
        tensors: Bytes of tensors, including fragmentation on a GPU; all of the GPU if they did not fit. On a CPU the
            growth of the process.
        context: Bytes that CUDA itself took; 0 on a CPU.
        total: Bytes of the GPU's or the machine's memory.
    """

    tensors: int
    context: int
    total: int

    @property
    def fits(self) -> bool:
        """Whether the tensors fitted into memory."""
        return self.tensors < self.total


def peak_memory(family: Family[Any, Any], spec: Spec, data: Any, device: str) -> PeakMemory:
    """Measure the memory of one epoch: its steps, its scoring and its saved state.

    On a GPU no other process may use the GPU; on a CPU the epoch runs in a new process.

    Args:
        family: The family.
        spec: The settings.
        data: The family's prepared data.
        device: "cpu" or "cuda".

    Returns:
        The peak memory.

    Raises:
        BadInputError: If torch finds no GPU.
    """
    if device == "cuda":
        return _on_gpu(family, spec, data)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(_on_cpu, family, spec, data).result()


def _on_gpu(family: Family[Any, Any], spec: Spec, data: Any) -> PeakMemory:
    """Measure the peak of torch's allocator; further memory in use belongs to CUDA itself or to another process."""
    import torch

    if not torch.cuda.is_available():
        raise BadInputError(
            "memory is measured on a GPU that torch can use",
            f"torch {torch.__version__} finds no CUDA there",
            remedy="check its build and NVIDIA's driver, or count no GPUs there (ray start --num-gpus=0)",
        )
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    _, total = torch.cuda.mem_get_info()
    try:
        _train_one_epoch(family, spec, data, "cuda")
    except torch.OutOfMemoryError:
        return PeakMemory(total, 0, total)
    torch.cuda.synchronize()
    free, _ = torch.cuda.mem_get_info()
    context = max(total - free - torch.cuda.memory_reserved(), 0)
    return PeakMemory(torch.cuda.max_memory_reserved(), context, total)


def _on_cpu(family: Family[Any, Any], spec: Spec, data: Any) -> PeakMemory:
    """Measure the growth of this process."""
    importlib.import_module("models.training.loop")  # every trial imports it, so it must not count as growth

    before = _resident("VmRSS")
    _train_one_epoch(family, spec, data, "cpu")
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return PeakMemory(max(_resident("VmHWM") - before, 0), 0, total)


def _train_one_epoch(family: Family[Any, Any], spec: Spec, data: Any, device: str) -> None:
    training = family.start(spec, data, seed=0, trial=0, device=device)
    next(training.epochs())
    training.state()


def _resident(field: str) -> int:
    """Return a field (kB) of /proc/self/status in bytes: VmRSS is the memory of this process now, VmHWM at its peak."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            name, _, size = line.partition(":")
            if name == field:
                return int(size.split()[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # without /proc only the peak is known
    return peak if sys.platform == "darwin" else peak * 1024
