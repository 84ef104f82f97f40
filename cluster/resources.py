"""How many trials fit on the machines of a cluster at once, and the resources of each.

A trial never spans two machines, and a fraction of a GPU never spans two GPUs.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cluster.nodes import Node
from data_prep.errors import Action, BadInputError
from data_prep.wording import counted
from models.training.device import GPU_CONTEXT

_TRIALS_PER_GPU = 4
"""Trials that share a GPU if their memory was not measured; small models leave most of a GPU idle."""

_MOST_PER_GPU = 8
"""Maximum number of trials that share a GPU, regardless of their memory, since they take turns computing."""

_MARGIN = 1.2
"""Memory reserved for a trial, relative to the measured peak of the largest setting; windows and fragmentation vary."""

_PARTS = 10_000
"""Ray counts GPUs in ten-thousandths."""


@dataclass(frozen=True)
class SlotPlan:
    """The number of concurrent trials, and the resources of each.

    Attributes:
        count: Number of concurrent trials.
        cpus: CPUs per trial.
        gpus: GPUs per trial, possibly a fraction.
    """

    count: int
    cpus: int
    gpus: float

    @property
    def per_gpu(self) -> int:
        """Maximum number of trials that share a GPU; 1 if none does."""
        return _per_gpu(self.gpus) if 0 < self.gpus < 1 else 1

    @property
    def each(self) -> str:
        """The resources of each trial as text."""
        return _amount(self.cpus, self.gpus)


def plan_slots(
    nodes: Sequence[Node],
    *,
    slots: int = 0,
    cpus: int = 1,
    gpus: float | Literal["auto"] = "auto",
    share: float | None = None,
    may_grow: bool = False,
) -> SlotPlan:
    """Divide the resources of machines among trials.

    Args:
        nodes: The machines.
        slots: Number of concurrent trials wanted; 0 is as many as fit.
        cpus: CPUs per trial.
        gpus: GPUs per trial. "auto" is 0 without GPUs; otherwise it is the largest share of a GPU that does not reduce
            the number of concurrent trials.
        share: Smallest share of a GPU that "auto" may choose, from :func:`share_of_gpu`. If None (not measured), 4
            trials share a GPU, or more if ``slots`` requires it.
        may_grow: Whether ``slots`` may exceed what fits now, since machines may join.

    Returns:
        The plan. With ``may_grow``, its count is what fits now, and at least 1.

    Raises:
        BadInputError: If a trial fits on no machine, or fewer trials fit than are wanted.
    """
    gpus = _largest_part(nodes, slots, cpus, share, may_grow=may_grow) if gpus == "auto" else _as_ray_counts(gpus)
    fits = num_fitting(nodes, cpus, gpus)
    waits = may_grow and slots > 0
    if fits == 0 and not (waits and _is_awaited(nodes, gpus)):
        raise _too_large(nodes, cpus, gpus, may_grow=may_grow)
    if slots > fits and not may_grow:
        total = _amount(sum(node.cpus for node in nodes), sum(node.gpus for node in nodes))
        value = f"{slots} of {_amount(cpus, gpus)} on {total}, where {fits} fit"
        raise BadInputError("the slots must fit on the nodes", value, "resources")
    return SlotPlan(max(1, min(slots or fits, fits)), cpus, gpus)


def num_fitting(nodes: Sequence[Node], cpus: int, gpus: float) -> int:
    """Return how many trials, each with ``cpus`` CPUs and ``gpus`` GPUs, fit on machines at once."""
    return sum(min(int(node.cpus // cpus), _fitting_gpus(node, gpus)) for node in nodes)


def share_of_gpu(peak: int, total: int, *, context: int = 0) -> float:
    """Compute the smallest share of a GPU that is enough for every trial of a search.

    A trial may use the same share of the GPU's memory, minus the memory that CUDA takes in every process
    (:func:`device.limit_memory`).

    Args:
        peak: Measured memory of the largest setting's tensors, in bytes.
        total: Memory of the GPU in bytes; with several kinds, of the smallest.
        context: Measured memory that CUDA takes in a process, in bytes.

    Returns:
        1/n, where n is the largest number of trials per GPU such that each has a fifth more memory than the largest
        setting needs; 1 if there is no such n.
    """
    each = peak * _MARGIN + max(context, GPU_CONTEXT)
    return part_of(max(1, min(int(total / each), _MOST_PER_GPU)))


def part_of(trials: int) -> float:
    """Return the share of each of ``trials`` trials on a GPU, rounded down to Ray's precision so that all fit."""
    return math.floor(_PARTS / trials) / _PARTS


def _largest_part(nodes: Sequence[Node], slots: int, cpus: int, share: float | None, *, may_grow: bool) -> float:
    """Return the largest share of a GPU that allows the wanted number of trials, or else the maximum number."""
    if not any(math.floor(node.gpus) for node in nodes):
        return 0.0
    most = _per_gpu(share) if share else _TRIALS_PER_GPU
    if not share and slots and not may_grow:
        most = max(most, slots)
    wanted = min(slots or math.inf, num_fitting(nodes, cpus, part_of(most)))
    return next(part_of(k) for k in range(1, most + 1) if num_fitting(nodes, cpus, part_of(k)) >= wanted)


def _fitting_gpus(node: Node, gpus: float) -> int:
    if not gpus:
        return sys.maxsize
    if gpus > 1:
        return int(node.gpus // gpus)
    return math.floor(node.gpus) * _per_gpu(gpus)


def _per_gpu(part: float) -> int:
    return _PARTS // max(1, round(part * _PARTS))


def _as_ray_counts(gpus: float) -> float:
    """Round down to Ray's precision; raise BadInputError for numbers that Ray rejects."""
    if gpus and (gpus < 1 / _PARTS or (gpus > 1 and gpus != int(gpus))):
        raise BadInputError(
            f"a trial gets whole GPUs, or a share of one from {1 / _PARTS:g} to 1", f"got {gpus:g}", "resources.gpus"
        )
    return math.floor(gpus * _PARTS + 1e-6) / _PARTS


def _is_awaited(nodes: Sequence[Node], gpus: float) -> bool:
    """Return whether there is no machine of the needed kind yet; new machines are expected to be like existing ones."""
    return not any(node.gpus if gpus else node.cpus for node in nodes)


def _too_large(nodes: Sequence[Node], cpus: int, gpus: float, *, may_grow: bool) -> BadInputError:
    if not nodes:
        return BadInputError(
            "a search needs a node to run on",
            "the cluster has none",
            remedy="see the cluster's nodes",
            action=Action("show cluster"),
        )
    largest = max(nodes, key=lambda node: (node.gpus, node.cpus) if gpus else (node.cpus, node.gpus))
    name = f"the largest node, {largest}," if len(nodes) > 1 else str(largest)
    waits = may_grow and _is_awaited(nodes, gpus)
    waiting = "; or set the number of slots, and the search waits for nodes to join" if waits else ""
    lacks_cpus = 0 < largest.cpus < cpus
    limit = f"cpus to {largest.cpus:g}" if lacks_cpus else f"gpus to {math.floor(largest.gpus)}"
    return BadInputError(
        "a trial must fit on one node",
        f"it has {_amount(cpus, gpus)}, and {name} has {_amount(largest.cpus, largest.gpus)}",
        remedy=f"lower resources.{limit}{waiting}",
    )


def _amount(cpus: float, gpus: float) -> str:
    return f"{counted(cpus, 'CPU', 'g')} and {counted(gpus, 'GPU', 'g')}"
