"""How many trials fit on the machines of a cluster at once, and what each gets: plain arithmetic.

A trial never spans two machines, and a part of a GPU lies on one GPU.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from data_prep.errors import BadInputError
from data_prep.wording import counted
from models.training.device import GPU_CONTEXT

_TRIALS_PER_GPU = 4
"""Trials that share a GPU whose use of memory was not measured: small models leave most of one idle."""

_MOST_PER_GPU = 8
"""Trials that share a GPU at most, however little memory they need: they take turns at it."""

_ROOM = 1.2
"""Memory that a trial may have beside what the largest setting was seen to need: other windows, other fragments."""

_PARTS = 10_000
"""Ray counts GPUs in ten-thousandths."""


class NodeSize(Protocol):
    """What the arithmetic needs to know of a machine; its name is its ``str``."""

    @property
    def cpus(self) -> float:
        """Processors that trials may have."""
        ...

    @property
    def gpus(self) -> float:
        """GPUs that trials may have."""
        ...


@dataclass(frozen=True)
class Slots:
    """Trials that run at once and what each of them gets.

    Attributes:
        count: Trials at once.
        cpus: Processors of each.
        gpus: GPUs of each, parts of one allowed.
    """

    count: int
    cpus: int
    gpus: float

    @property
    def each(self) -> str:
        """Say what each trial gets."""
        return _amount(self.cpus, self.gpus)


def plan_slots(
    nodes: Sequence[NodeSize],
    *,
    slots: int = 0,
    cpus: int = 1,
    gpus: float | Literal["auto"] = "auto",
    share: float | None = None,
    may_grow: bool = False,
) -> Slots:
    """Divide what is there among trials.

    Args:
        nodes: The machines that are there.
        slots: Trials wanted at once; 0 is as many as fit.
        cpus: Processors of each.
        gpus: GPUs of each; "auto" is 0 where there is no GPU, and otherwise the largest part of one with which as many
            run as can.
        share: The least part of a GPU that "auto" may give, from :func:`share_of_gpu`; None where nothing was measured:
            then 4 trials share one, or more where that many slots are wanted.
        may_grow: Whether more slots may be wanted than fit now: the rest waits for machines to join.

    Returns:
        The plan. Where machines may join, its count is what fits now, and at least 1.

    Raises:
        BadInputError: If a trial fits on no machine, or fewer fit than were asked for.
    """
    gpus = _part(nodes, slots, cpus, share, may_grow=may_grow) if gpus == "auto" else _as_ray_counts(gpus)
    fits = num_fitting(nodes, cpus, gpus)
    waits = may_grow and slots > 0
    if fits == 0 and not (waits and _is_awaited(nodes, gpus)):
        raise _too_large(nodes, cpus, gpus, may_grow=may_grow)
    if slots > fits and not may_grow:
        raise BadInputError(
            f"the slots must fit on what is there: {slots} of {_amount(cpus, gpus)} "
            f"on {_total(nodes)}, where {fits} fit (resources)"
        )
    return Slots(max(1, min(slots or fits, fits)), cpus, gpus)


def num_fitting(nodes: Sequence[NodeSize], cpus: int, gpus: float) -> int:
    """Give how many trials of so many processors and GPUs fit on machines at once."""
    return sum(min(_by_cpus(node, cpus), _by_gpus(node, gpus)) for node in nodes)


def share_of_gpu(peak: int, total: int, *, context: int = 0) -> float:
    """Work out the least part of a GPU that holds every trial of a search.

    A trial with that part may use as much memory (:func:`device.limit_memory`): its part of the whole without
    what CUDA itself takes in every process.

    Args:
        peak: Bytes that the tensors of the largest setting were seen to need.
        total: Bytes that the GPU has; of several kinds, the least.
        context: Bytes that CUDA was seen to take in one process.

    Returns:
        1/n with the most trials n on one GPU, such that each has a fifth more than the largest setting needs; 1 where
        even that is too much.
    """
    each = peak * _ROOM + max(context, GPU_CONTEXT)
    return part_of(max(1, min(int(total / each), _MOST_PER_GPU)))


def part_of(trials: int) -> float:
    """Give the part of a GPU with which so many trials share it, as Ray counts: rounded down, so that all fit."""
    return math.floor(_PARTS / trials) / _PARTS


def _part(nodes: Sequence[NodeSize], slots: int, cpus: int, share: float | None, *, may_grow: bool) -> float:
    """Give the largest part of a GPU with which as many trials run as are wanted, or as can."""
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
    """Refuse what Ray would, and leave out the digits that it would not take."""
    if gpus and (gpus < 1 / _PARTS or (gpus > 1 and gpus != int(gpus))):
        raise BadInputError(
            f"a trial gets whole GPUs, or a part of one from {1 / _PARTS:g} to 1: got {gpus:g} (resources.gpus)"
        )
    return math.floor(gpus * _PARTS + 1e-6) / _PARTS


def _is_awaited(nodes: Sequence[NodeSize], gpus: float) -> bool:
    """Say whether there is no machine of the needed kind yet; one that is there and too small shows what will come."""
    return not any(node.gpus if gpus else node.cpus for node in nodes)


def _too_large(nodes: Sequence[NodeSize], cpus: int, gpus: float, *, may_grow: bool) -> BadInputError:
    if not nodes:
        return BadInputError("a search needs a node to run on: the cluster has none (tunesmith cluster status)")
    largest = max(nodes, key=lambda node: (node.gpus, node.cpus) if gpus else (node.cpus, node.gpus))
    name = f"the largest node, {largest}," if len(nodes) > 1 else str(largest)
    waiting = "; or say how many slots are wanted, and the search waits for nodes to join" if may_grow else ""
    waiting = waiting if _is_awaited(nodes, gpus) else ""
    return BadInputError(
        f"a trial must fit on one node: it has {_amount(cpus, gpus)}, and {name} has "
        f"{_amount(largest.cpus, largest.gpus)}; lower resources.{_what_is_short(largest, cpus)}{waiting}"
    )


def _what_is_short(largest: NodeSize, cpus: int) -> str:
    return (
        f"cpus to {largest.cpus:g}" if largest.cpus < cpus and largest.cpus else f"gpus to {math.floor(largest.gpus)}"
    )


def _total(nodes: Sequence[NodeSize]) -> str:
    return _amount(sum(node.cpus for node in nodes), sum(node.gpus for node in nodes))


def _amount(cpus: float, gpus: float) -> str:
    return f"{counted(cpus, 'CPU', 'g')} and {counted(gpus, 'GPU', 'g')}"
