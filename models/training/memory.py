"""How much memory the training of a setting takes, seen by training it for an epoch."""

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

_STATUS = Path("/proc/self/status")
_PEAK, _NOW = "VmHWM", "VmRSS"


@dataclass(frozen=True)
class PeakMemory:
    """What a training took at its peak.

    Attributes:
        tensors: Bytes of tensors, with the gaps between them on a GPU; all of the GPU where they did not fit. On a CPU
            the bytes by which the process grew.
        context: Bytes that CUDA itself took; 0 on a CPU.
        total: Bytes that the GPU, or the machine, has.
    """

    tensors: int
    context: int
    total: int

    @property
    def fits(self) -> bool:
        """Whether it fitted."""
        return self.tensors < self.total


def peak_memory(family: Family[Any, Any], spec: Spec, data: Any, device: str) -> PeakMemory:
    """Train a setting for one epoch and see what memory that takes: its steps, its scoring and its saved state.

    On a GPU it must run in a process that has the GPU to itself; on a CPU it starts a process of its own.

    Args:
        family: The setting's family.
        spec: The setting.
        data: The family's prepared data.
        device: "cpu" or "cuda".

    Returns:
        What it took.

    Raises:
        BadInputError: If torch has no GPU to use.
    """
    if device == "cuda":
        return _on_gpu(family, spec, data)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(_on_cpu, family, spec, data).result()


def _on_gpu(family: Family[Any, Any], spec: Spec, data: Any) -> PeakMemory:
    """Ask torch's allocator for its peak; what the driver counts beyond it is CUDA's own, or another process's."""
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
    """Watch this process grow."""
    importlib.import_module("models.training.loop")  # what every trial's process holds must not count as growth

    before = _resident(_NOW)
    _train_one_epoch(family, spec, data, "cpu")
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return PeakMemory(max(_resident(_PEAK) - before, 0), 0, total)


def _train_one_epoch(family: Family[Any, Any], spec: Spec, data: Any, device: str) -> None:
    training = family.start(spec, data, seed=0, trial=0, device=device)
    next(training.epochs())
    training.state()


def _resident(what: str) -> int:
    """Return the bytes of this process that are in memory, now or at its peak."""
    with suppress(OSError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            name, _, size = line.partition(":")
            if name == what:
                return int(size.split()[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # no /proc: the peak so far stands for now
    return peak if sys.platform == "darwin" else peak * 1024
