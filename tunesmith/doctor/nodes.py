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
"""The used share of a disk above which Ray spills no objects to it."""

_MEMORY_LIMIT: Final = 0.95
"""The used share of a node's memory above which Ray kills workers."""

_FIRST_ANSWER_S = 180.0
"""Seconds that a node may take to start its first worker, and torch where it has GPUs."""


def answers(context: Context) -> Iterator[Finding]:
    """Ask each node what it computes with; those that do not answer are left out from here on."""
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
    """Check that each node has the versions and the code of this program."""
    here = this_environment()

    def complaints(node: Node, there: Environment) -> Iterator[Finding]:
        for difference in differences(here, there):
            remedy = "install the environment of this machine there (the same requirements.lock), or stop that node"
            yield Finding("versions", "red", difference, str(node), remedy)

    same = f"Python {here.python}, Ray {here.ray}, torch {here.torch}, the code of this program"
    return judged("versions", context.environments, complaints, lambda _: same)


def probes(context: Context) -> Iterator[Finding]:
    """Run a probe on each node; nodes on which it fails are left out from here on."""
    for gpu_count in sorted({node.gpus for node in context.nodes}):
        some = [node for node in context.nodes if node.gpus == gpu_count]
        for node, result in on_each(probe, some, PACKAGES, gpu_count, seconds=_FIRST_ANSWER_S).items():
            if isinstance(result, BadInputError):
                yield refused("nodes", result, where=str(node), remedy="see the logs in Ray's folder there")
            else:
                context.probes[node] = result
    context.nodes = tuple(node for node in context.nodes if node in context.probes)


def names(context: Context) -> Iterator[Finding]:
    """Check on each node that no other distribution has packages of our names."""

    def complaints(node: Node, found: NodeProbe) -> Iterator[Finding]:
        return machine.name_clashes(found.clashes, str(node))

    return judged("names", context.probes, complaints, lambda _: machine.OURS)


def disks(context: Context) -> Iterator[Finding]:
    """Check, on each node, the disk to which Ray spills objects."""

    def complaints(node: Node, found: NodeProbe) -> Iterator[Finding]:
        disk = found.spill
        low = list(machine.space("disk", disk, "Ray's folder", str(node), "free some space there"))
        yield from low
        if disk.used > _DISK_LIMIT and not low:
            text = f"the disk of Ray's folder {disk.folder} is {disk.used:.0%} full: Ray spills no objects to it"
            yield Finding("disk", "yellow", text, str(node), "free some space there")

    def summary(found: list[NodeProbe]) -> str:
        return f"at least {byte_size(min(probe.spill.free for probe in found))} for Ray"

    return judged("disk", context.probes, complaints, summary)


def memory(context: Context) -> Iterator[Finding]:
    """Check that no node is so short of memory that Ray kills workers at once."""

    def complaints(node: Node, found: NodeProbe) -> Iterator[Finding]:
        if found.memory_free is None or found.memory_total is None:
            return
        if found.memory_free < (1 - _MEMORY_LIMIT) * found.memory_total:
            free = f"{byte_size(found.memory_free)} of {byte_size(found.memory_total)} are free"
            yield Finding("memory", "red", f"{free}: Ray kills trials at once", str(node), "stop other programs there")

    def summary(found: list[NodeProbe]) -> str:
        known = [probe.memory_free for probe in found if probe.memory_free is not None]
        return f"at least {byte_size(min(known))} free" if known else "the system does not report it"

    return judged("memory", context.probes, complaints, summary)


def gpus(context: Context) -> Iterator[Finding]:
    """Check on each node that torch can use the GPUs that Ray counts, and that all drivers are the same."""
    with_gpus = {node: found for node, found in context.probes.items() if node.gpus or found.gpus}
    if not with_gpus:
        if context.probes:
            where = named(context.probes, len(context.probes))
            yield Finding("gpus", "green", "there are none; trials train on CPUs", where)
        return
    yield from judged("gpus", with_gpus, _gpu_complaints, _gpu_summary)
    drivers = sorted({gpu.driver for found in with_gpus.values() for gpu in found.gpus})
    if len(drivers) > 1:
        text = f"the nodes' drivers differ: {', '.join(drivers)}"
        yield Finding("gpus", "yellow", text, remedy="install one version on all: results may differ between drivers")


def _gpu_complaints(node: Node, found: NodeProbe) -> Iterator[Finding]:
    usable, counts = found.num_torch_gpus or 0, f"Ray counts {counted(node.gpus, 'GPU', 'g')}"
    if usable < node.gpus:
        driver = f"NVIDIA's driver lists {len(found.gpus)}" if found.gpus else "no NVIDIA driver answers there"
        text = f"{counts} and torch can use {usable}; {driver}"
        remedy = "start its Ray with the right --num-gpus, or install the driver and a torch built for it"
        yield Finding("gpus", "red", text, str(node), remedy)
    elif not node.gpus:
        text = f"{counts}, and there are {len(found.gpus)} ({found.gpus[0].name})"
        yield Finding(
            "gpus", "yellow", text, str(node), f"to use them, start its Ray with --num-gpus={len(found.gpus)}"
        )


def _gpu_summary(found: list[NodeProbe]) -> str:
    kinds = sorted({(gpu.name, gpu.driver, gpu.memory) for probe in found for gpu in probe.gpus})
    count = sum(probe.num_torch_gpus or 0 for probe in found)
    models = ", ".join(f"{name} with {byte_size(size)}, driver {driver}" for name, driver, size in kinds)
    return f"torch can use {counted(count, 'GPU', 'g')}: {models or 'nvidia-smi does not list them'}"
