"""How many trials fit on the machines of a cluster at once, and what each gets: plain arithmetic.

A trial never spans two machines, and a fraction of a GPU never spans two GPUs.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from data_prep.errors import Action, BadInputError
from data_prep.wording import counted
from models.training.device import GPU_CONTEXT

_TRIALS_PER_GPU = 4
"""Trials that share a GPU where the use of memory was not measured: small models leave most of a GPU idle."""

_MOST_PER_GPU = 8
"""Most trials that share a GPU, however little memory they need: they take turns computing."""

_ROOM = 1.2
"""Memory of a trial, relative to the measured need of the largest setting: other windows, other fragments."""

_PARTS = 10_000
"""Ray counts GPUs in ten-thousandths."""


class NodeSize(Protocol):
    """The resources of a machine; its name is its ``str``."""

    @property
    def cpus(self) -> float:
        """CPUs for trials."""
        ...

    @property
    def gpus(self) -> float:
        """GPUs for trials."""
        ...


@dataclass(frozen=True)
class SlotPlan:
    """How many trials run at once, and what each of them gets.

    Attributes:
        count: Trials at once.
        cpus: CPUs of each.
        gpus: GPUs of each, possibly a fraction.
    """

    count: int
    cpus: int
    gpus: float

    @property
    def each(self) -> str:
        """What each trial gets, in words."""
        return _amount(self.cpus, self.gpus)


def plan_slots(
    nodes: Sequence[NodeSize],
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
        slots: Trials wanted at once; 0 is as many as fit.
        cpus: CPUs of each.
        gpus: GPUs of each; "auto" is 0 where there is no GPU, and otherwise the largest share of one that does not
            reduce the number of trials at once.
        share: The smallest share of a GPU that "auto" may choose, from :func:`share_of_gpu`; None where nothing was
            measured: then 4 trials share one, or more where that many slots are wanted.
        may_grow: Whether more slots may be wanted than fit now; the rest waits for machines to join.

    Returns:
        The plan. Where machines may join, its count is what fits now, and at least 1.

    Raises:
        BadInputError: If a trial fits on no machine, or fewer fit than are wanted.
    """
    gpus = _part(nodes, slots, cpus, share, may_grow=may_grow) if gpus == "auto" else _as_ray_counts(gpus)
    fits = num_fitting(nodes, cpus, gpus)
    waits = may_grow and slots > 0
    if fits == 0 and not (waits and _is_awaited(nodes, gpus)):
        raise _too_large(nodes, cpus, gpus, may_grow=may_grow)
    if slots > fits and not may_grow:
        raise BadInputError(
            "the slots must fit on the nodes",
            f"{slots} of {_amount(cpus, gpus)} on {_total(nodes)}, where {fits} fit",
            "resources",
        )
    return SlotPlan(max(1, min(slots or fits, fits)), cpus, gpus)


def num_fitting(nodes: Sequence[NodeSize], cpus: int, gpus: float) -> int:
    """Return how many trials, each with ``cpus`` CPUs and ``gpus`` GPUs, fit on machines at once."""
    return sum(min(_by_cpus(node, cpus), _by_gpus(node, gpus)) for node in nodes)


def share_of_gpu(peak: int, total: int, *, context: int = 0) -> float:
    """Compute the smallest share of a GPU that holds every trial of a search.

    A trial may use the same share of the GPU's memory, less what CUDA itself takes in every process
    (:func:`device.limit_memory`).

    Args:
        peak: Measured bytes of the tensors of the largest setting.
        total: Bytes of the GPU's memory; of several kinds, the smallest.
        context: Measured bytes that CUDA takes in one process.

    Returns:
        1/n, where n is the largest number of trials on one GPU such that each has a fifth more memory than the largest
        setting needs; 1 where even one trial has not.
    """
    each = peak * _ROOM + max(context, GPU_CONTEXT)
    return part_of(max(1, min(int(total / each), _MOST_PER_GPU)))


def part_of(trials: int) -> float:
    """Return a trial's share where ``trials`` of them share a GPU, rounded down to what Ray counts, so that all fit."""
    return math.floor(_PARTS / trials) / _PARTS


def _part(nodes: Sequence[NodeSize], slots: int, cpus: int, share: float | None, *, may_grow: bool) -> float:
    """Return the largest share of a GPU with which the wanted number of trials, or else the most, run at once."""
    if not any(_whole_gpus(node) for node in nodes):
        return 0.0
    most = _per_gpu(share) if share else _TRIALS_PER_GPU
    if not share and slots and not may_grow:
        most = max(most, slots)
    wanted = min(slots or math.inf, num_fitting(nodes, cpus, part_of(most)))
    return next(part_of(k) for k in range(1, most + 1) if num_fitting(nodes, cpus, part_of(k)) >= wanted)


def _by_cpus(node: NodeSize, cpus: int) -> int:
    return int(node.cpus // cpus)


def _by_gpus(node: NodeSize, gpus: float) -> int:
    if not gpus:
        return sys.maxsize
    if gpus > 1:
        return int(node.gpus // gpus)
    return _whole_gpus(node) * _per_gpu(gpus)


def _whole_gpus(node: NodeSize) -> int:
    return math.floor(node.gpus)


def _per_gpu(part: float) -> int:
    return _PARTS // max(1, round(part * _PARTS))


def _as_ray_counts(gpus: float) -> float:
    """Raise where Ray would, and round down to the ten-thousandths that it counts."""
    if gpus and (gpus < 1 / _PARTS or (gpus > 1 and gpus != int(gpus))):
        raise BadInputError(
            f"a trial gets whole GPUs, or a share of one from {1 / _PARTS:g} to 1", f"got {gpus:g}", "resources.gpus"
        )
    return math.floor(gpus * _PARTS + 1e-6) / _PARTS


def _is_awaited(nodes: Sequence[NodeSize], gpus: float) -> bool:
    """Return whether there is no machine of the needed kind yet; a small one shows what others will be like."""
    return not any(node.gpus if gpus else node.cpus for node in nodes)


def _too_large(nodes: Sequence[NodeSize], cpus: int, gpus: float, *, may_grow: bool) -> BadInputError:
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
    return BadInputError(
        "a trial must fit on one node",
        f"it has {_amount(cpus, gpus)}, and {name} has {_amount(largest.cpus, largest.gpus)}",
        remedy=f"lower resources.{_what_is_short(largest, cpus)}{waiting}",
    )


def _what_is_short(largest: NodeSize, cpus: int) -> str:
    return (
        f"cpus to {largest.cpus:g}" if largest.cpus < cpus and largest.cpus else f"gpus to {math.floor(largest.gpus)}"
    )


def _total(nodes: Sequence[NodeSize]) -> str:
    return _amount(sum(node.cpus for node in nodes), sum(node.gpus for node in nodes))


def _amount(cpus: float, gpus: float) -> str:
    return f"{counted(cpus, 'CPU', 'g')} and {counted(gpus, 'GPU', 'g')}"
