"""Checks of the nodes: whether they answer, and their versions, packages, disks, memory and GPUs."""

from collections.abc import Iterator
from typing import Final

from cluster.node_software import Environment, differences, environments, this_environment
from cluster.nodes import Node, on_each
from cluster.session import PACKAGES
from data_prep.errors import BadInputError
from data_prep.wording import counted
from tunesmith.doctor import machine
from tunesmith.doctor.context import Context
from tunesmith.doctor.finding import Finding, judged, named, refused
from tunesmith.doctor.probe import NodeProbe, probe
from tunesmith.figures import byte_size

_DISK_LIMIT: Final = 0.95
"""Used fraction of a disk above which Ray does not spill objects to it."""

_MEMORY_LIMIT: Final = 0.95
"""Used fraction of a node's memory above which Ray kills workers."""

_FIRST_ANSWER_S = 180.0
"""Time limit for a node to start its first worker, and torch if it has GPUs (seconds)."""


def answers(context: Context) -> Iterator[Finding]:
    """Ask each node for its environment; later checks leave out nodes that do not answer."""
    if not context.nodes:
        return
    results = environments(context.nodes)
    for node, result in results.items():
        if isinstance(result, BadInputError):
            remedy = "start its Ray without our packages on PYTHONPATH; see logs/raylet.err in Ray's folder there"
            yield refused("nodes", result, where=str(node), remedy=remedy)
        else:
            context.environments[node] = result
    context.nodes = tuple(context.environments)
    if context.nodes:
        cpus, gpu_count = sum(node.cpus for node in context.nodes), sum(node.gpus for node in context.nodes)
        text = f"{counted(cpus, 'CPU', 'g')}, {counted(gpu_count, 'GPU', 'g')} in total"
        yield Finding("nodes", "green", text, named(context.nodes, len(results)))


def versions(context: Context) -> Iterator[Finding]:
    """Check that each node has this program's versions and code."""
    here = this_environment()

    def complaints(node: Node, there: Environment) -> Iterator[Finding]:
        for difference in differences(here, there):
            remedy = "install this machine's environment there (the same requirements.lock), or stop that node"
            yield Finding("versions", "red", difference, str(node), remedy)

    same = f"Python {here.python}, Ray {here.ray}, torch {here.torch}, this program's code"
    return judged("versions", context.environments, complaints, lambda _: same)


def probes(context: Context) -> Iterator[Finding]:
    """Run a probe on each node; later checks leave out nodes on which it fails."""
    for gpu_count in sorted({node.gpus for node in context.nodes}):
        same = [node for node in context.nodes if node.gpus == gpu_count]
        for node, result in on_each(probe, same, PACKAGES, gpu_count, seconds=_FIRST_ANSWER_S).items():
            if isinstance(result, BadInputError):
                yield refused("nodes", result, where=str(node), remedy="see the logs in Ray's folder there")
            else:
                context.probes[node] = result
    context.nodes = tuple(node for node in context.nodes if node in context.probes)


def names(context: Context) -> Iterator[Finding]:
    """Check on each node that no other distribution has packages of our names."""

    def complaints(node: Node, measured: NodeProbe) -> Iterator[Finding]:
        return machine.name_clashes(measured.clashes, str(node))

    return judged("names", context.probes, complaints, lambda _: machine.OURS)


def disks(context: Context) -> Iterator[Finding]:
    """Check the disk of each node to which Ray spills objects."""

    def complaints(node: Node, measured: NodeProbe) -> Iterator[Finding]:
        disk = measured.spill
        low = list(machine.space("disk", disk, "Ray's folder", str(node), "free some space there"))
        yield from low
        if disk.used > _DISK_LIMIT and not low:
            text = f"the disk of Ray's folder {disk.folder} is {disk.used:.0%} full: Ray spills no objects to it"
            yield Finding("disk", "yellow", text, str(node), "free some space there")

    def summary(measured: list[NodeProbe]) -> str:
        return f"at least {byte_size(min(probe.spill.free for probe in measured))} for Ray"

    return judged("disk", context.probes, complaints, summary)


def memory(context: Context) -> Iterator[Finding]:
    """Check that each node has enough free memory for Ray not to kill workers at once."""

    def complaints(node: Node, measured: NodeProbe) -> Iterator[Finding]:
        free, total = measured.memory_free, measured.memory_total
        if free is not None and total is not None and free < (1 - _MEMORY_LIMIT) * total:
            text = f"{byte_size(free)} of {byte_size(total)} are free: Ray kills trials at once"
            yield Finding("memory", "red", text, str(node), "stop other programs there")

    def summary(measured: list[NodeProbe]) -> str:
        known = [probe.memory_free for probe in measured if probe.memory_free is not None]
        return f"at least {byte_size(min(known))} free" if known else "the system does not report it"

    return judged("memory", context.probes, complaints, summary)


def gpus(context: Context) -> Iterator[Finding]:
    """Check that torch can use all GPUs that Ray counts, and that all nodes have the same driver."""
    with_gpus = {node: measured for node, measured in context.probes.items() if node.gpus or measured.gpus}
    if not with_gpus:
        if context.probes:
            where = named(context.probes, len(context.probes))
            yield Finding("gpus", "green", "there are none; trials train on CPUs", where)
        return
    yield from judged("gpus", with_gpus, _gpu_complaints, _gpu_summary)
    drivers = sorted({gpu.driver for measured in with_gpus.values() for gpu in measured.gpus})
    if len(drivers) > 1:
        text = f"the nodes' drivers differ: {', '.join(drivers)}"
        yield Finding("gpus", "yellow", text, remedy="install one version on all: results may differ between drivers")


def _gpu_complaints(node: Node, measured: NodeProbe) -> Iterator[Finding]:
    count, counts = len(measured.gpus), f"Ray counts {counted(node.gpus, 'GPU', 'g')}"
    if (usable := measured.num_torch_gpus or 0) < node.gpus:
        driver = f"NVIDIA's driver lists {count}" if count else "no NVIDIA driver answers there"
        text = f"{counts} and torch can use {usable}; {driver}"
        remedy = "start its Ray with the right --num-gpus, or install the driver and a torch built for it"
        yield Finding("gpus", "red", text, str(node), remedy)
    elif not node.gpus:
        text = f"{counts}, and there are {count} ({measured.gpus[0].name})"
        yield Finding("gpus", "yellow", text, str(node), f"to use them, start its Ray with --num-gpus={count}")


def _gpu_summary(measured: list[NodeProbe]) -> str:
    kinds = sorted({(gpu.name, gpu.driver, gpu.memory) for probe in measured for gpu in probe.gpus})
    count = sum(probe.num_torch_gpus or 0 for probe in measured)
    models = ", ".join(f"{name} with {byte_size(size)}, driver {driver}" for name, driver, size in kinds)
    return f"torch can use {counted(count, 'GPU', 'g')}: {models or 'nvidia-smi does not list them'}"
