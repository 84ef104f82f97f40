"""Checks of the resources of trials: how many run at once, and whether the largest setting fits into memory."""

from collections.abc import Iterator, Mapping
from typing import Final

from cluster.nodes import Node, on_each
from cluster.resources import SlotPlan, num_fitting, plan_slots
from data_prep.errors import BadInputError
from data_prep.wording import counted
from models.training.device import part_for_tensors
from models.training.memory import PeakMemory, peak_memory
from search.spec.largest import largest_setting
from tunesmith.doctor.context import Context, alike
from tunesmith.doctor.finding import Finding, judged, named, refused
from tunesmith.doctor.probe import NodeProbe
from tunesmith.doctor.trials import shared
from tunesmith.figures import byte_size
from tunesmith.searching.gpu_memory import needed_share

_WORKER: Final = 360 << 20
"""Memory of a worker before training, for Python, Ray and torch (bytes)."""

_LARGEST_S: Final = 600.0
"""Time limit for an epoch of the largest setting (seconds)."""

_EXPLORE_LESS: Final = "explore less in [space] (size, layers, batch_size, length)"


def slots(context: Context) -> Iterator[Finding]:
    """Plan how many trials run at once, and the resources of each."""
    if not context.nodes:
        return
    wanted = context.spec.resources
    share = needed_share(context.gpu_peaks()) if wanted.gpus == "auto" else None
    try:
        plan = plan_slots(context.nodes, slots=wanted.slots, cpus=wanted.cpus, gpus=wanted.gpus, share=share)
    except BadInputError as error:
        remedy = "lower it in the search file's [resources], or start more nodes: ray start --address=HOST:PORT"
        yield refused("slots", error, remedy=remedy)
        return
    context.slots = plan
    idle = [node for node in context.nodes if node.cpus >= plan.cpus and node not in context.working]
    if idle:
        text = f"no trial runs there, since each gets {plan.each}"
        remedy = "to use only its CPUs, run another search with gpus = 0 in [resources]"
        yield Finding("slots", "yellow", text, named(idle, len(context.nodes)), remedy)
    yield Finding("slots", "green", f"{counted(plan.count, 'trial')} at once, each with {plan.each}")


def sharing(context: Context) -> Iterator[Finding]:
    """Check that MPS runs on nodes whose GPUs several trials share: without it, they take turns."""
    if context.slots is None or context.slots.per_gpu == 1:
        return
    share = f"{counted(context.slots.per_gpu, 'trial')} share a GPU"

    def complaints(node: Node, measured: NodeProbe) -> Iterator[Finding]:
        if not measured.mps.runs:
            text = f"{share} and take turns: no daemon of NVIDIA MPS listens in {measured.mps.folder}"
            remedy = 'before Ray, start nvidia-cuda-mps-control -d there ("Sharing a GPU" in docs/cluster.md)'
            yield Finding("sharing", "yellow", text, str(node), remedy)

    working = {node: context.probes[node] for node in context.working}
    yield from judged("sharing", working, complaints, lambda _: f"{share} and run at the same time: NVIDIA MPS runs")


def largest(context: Context) -> Iterator[Finding]:
    """Train the largest setting for an epoch, and check that such trials fit into the nodes' memory."""
    if context.prepared is None or context.slots is None:
        return
    if context.slots.gpus:
        peaks = context.gpu_peaks()
    else:  # memory does not depend on the kind of CPU, so one node is enough
        context.progress("training an epoch of the largest setting, to measure its memory")
        setting = context.family.spec_type.from_values(largest_setting(context.spec.space), "the largest setting")
        data = shared(context.prepared.data)
        node = context.working[0]
        peaks = on_each(peak_memory, [node], context.family, setting, data, "cpu", seconds=_LARGEST_S)
    yield from fits(peaks, context.slots, {node: context.probes[node] for node in context.working})


def fits(
    peaks: Mapping[Node, PeakMemory | BadInputError], plan: SlotPlan, probes: Mapping[Node, NodeProbe]
) -> Iterator[Finding]:
    """Compare the memory of the largest setting, measured on some nodes, with that of the nodes that run trials."""
    for group in alike(list(probes)):
        same = (peak for node, peak in peaks.items() if node.gpu_kind == group[0].gpu_kind)
        peak = next(same, next(iter(peaks.values())))
        if isinstance(peak, BadInputError):
            remedy = f"{_EXPLORE_LESS}, or see that node's memory and Ray's logs there"
            yield refused("largest", peak, where=str(group[0]), level="yellow", remedy=remedy)
        elif plan.gpus:
            yield _on_gpu(peak, plan, named(group, len(probes)))
        else:
            yield from _on_cpus(peak, plan, {node: probes[node] for node in group})


def _on_gpu(peak: PeakMemory, plan: SlotPlan, where: str) -> Finding:
    share = min(plan.gpus, 1.0)
    limit = part_for_tensors(share, peak.total) * peak.total if share < 1 else peak.total - peak.context
    needs = f"the largest setting takes {byte_size(peak.tensors)} of a GPU"
    if not peak.fits:
        text = f"the largest setting does not fit a whole GPU of {byte_size(peak.total)}: such trials fail"
        return Finding("largest", "yellow", text, where, _EXPLORE_LESS)
    if peak.tensors > limit:
        text = f"{needs}, and a trial may take {byte_size(limit)}: such trials fail"
        return Finding("largest", "yellow", text, where, f"give each trial more (resources.gpus), or {_EXPLORE_LESS}")
    return Finding("largest", "green", f"{needs}, of {byte_size(limit)} that a trial may take", where)


def _on_cpus(peak: PeakMemory, plan: SlotPlan, probes: Mapping[Node, NodeProbe]) -> Iterator[Finding]:
    each = peak.tensors + _WORKER

    def complaints(node: Node, measured: NodeProbe) -> Iterator[Finding]:
        count = min(num_fitting([node], plan.cpus, plan.gpus), plan.count)
        if measured.memory_free is not None and count * each > measured.memory_free:
            needed = f"{counted(count, 'trial')} of the largest setting would take {byte_size(count * each)}"
            remedy = f"run fewer trials at once (--slots, or resources.cpus = {2 * plan.cpus}), or {_EXPLORE_LESS}"
            text = f"{needed}, and {byte_size(measured.memory_free)} are free"
            yield Finding("largest", "yellow", text, str(node), remedy)

    summary = f"the largest setting takes {byte_size(each)}, including its worker"
    return judged("largest", probes, complaints, lambda _: summary)
