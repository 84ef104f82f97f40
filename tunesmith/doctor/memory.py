"""The doctor's check of the largest setting: whether as many trials of it as run at once fit a node's memory."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cluster.nodes import Node
from cluster.resources import Slots, num_fitting
from data_prep.errors import BadInputError
from data_prep.wording import counted
from models.training.device import part_for_tensors
from models.training.memory import PeakMemory
from tunesmith.doctor.finding import Finding, judged, named, refused
from tunesmith.doctor.nodes import size
from tunesmith.doctor.probe import NodeProbe

_WORKER: Final = 360 << 20
"""Bytes that a worker holds before it trains: Python, Ray and torch."""

_SMALLER = "explore less in [space] (size, layers, batch_size, length)"


def fits(
    peaks: Mapping[Node, PeakMemory | BadInputError],
    alike: Sequence[Sequence[Node]],
    slots: Slots,
    probes: Mapping[Node, NodeProbe],
) -> Iterator[Finding]:
    """Judge what the training of the largest setting took.

    Args:
        peaks: What it took, by the nodes on which it was tried.
        alike: The nodes of each kind; all that train.
        slots: What trials get.
        probes: What the nodes said of their memory.

    Yields:
        The findings.
    """
    for group in alike:
        same = (peak for node, peak in peaks.items() if node.gpu_kind == group[0].gpu_kind)
        peak = next(same, next(iter(peaks.values())))
        if isinstance(peak, BadInputError):
            remedy = f"{_SMALLER}, or look at that node: its Ray's logs, its memory"
            yield refused("largest", peak, where=str(group[0]), level="yellow", remedy=remedy)
        elif slots.gpus:
            yield _on_gpu(peak, slots, named(group, len(probes)))
        else:
            yield from _on_cpus(peak, slots, {node: probes[node] for node in group})


def _on_gpu(peak: PeakMemory, slots: Slots, where: str) -> Finding:
    share = min(slots.gpus, 1.0)
    limit = part_for_tensors(share, peak.total) * peak.total if share < 1 else peak.total - peak.context
    needs = f"the largest setting takes {size(peak.tensors)} of a GPU"
    if not peak.fits:
        text = f"the largest setting does not fit a whole GPU of {size(peak.total)}: such trials fail"
        return Finding("largest", "yellow", text, where, _SMALLER)
    if peak.tensors > limit:
        text = f"{needs}, and a trial may take {size(limit)}: such trials fail"
        return Finding("largest", "yellow", text, where, f"give trials more of one (resources.gpus), or {_SMALLER}")
    return Finding("largest", "green", f"{needs}, of {size(limit)} that a trial may take", where)


def _on_cpus(peak: PeakMemory, slots: Slots, probes: Mapping[Node, NodeProbe]) -> Iterator[Finding]:
    each = peak.tensors + _WORKER

    def judge(node: Node, found: NodeProbe) -> Iterator[Finding]:
        count = min(num_fitting([node], slots.cpus, slots.gpus), slots.count)
        if found.memory_free is not None and count * each > found.memory_free:
            text = (
                f"{counted(count, 'trial')} of the largest setting would take {size(count * each)}, "
                f"and {size(found.memory_free)} are free"
            )
            remedy = f"let fewer run at once (--slots, or resources.cpus = {2 * slots.cpus}), or {_SMALLER}"
            yield Finding("largest", "yellow", text, str(node), remedy)

    yield from judged(
        "largest", probes, judge, lambda _: f"the largest setting takes {size(each)}, its worker included"
    )
