"""The doctor's checks of nodes: what they answered, judged."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cluster.environment import Environment, differences, this_environment
from cluster.nodes import Node, on_each
from cluster.package_owners import Clash
from cluster.session import PACKAGES
from data_prep.errors import BadInputError
from data_prep.wording import counted
from tunesmith.doctor.clocks import Clock, clocks
from tunesmith.doctor.finding import Finding, judged, named, refused
from tunesmith.doctor.probe import Disk, NodeProbe, probe, reaches

_GIB: Final = 1 << 30

_ROOM_NEEDED, _ROOM_WANTED = _GIB // 10, _GIB
"""Bytes of a disk under which trials hardly save, and under which they may not for long."""

_DISK_LIMIT: Final = 0.95
"""The part of a disk from which on Ray moves no objects to it."""

_MEMORY_LIMIT: Final = 0.95
"""The part of a node's memory from which on Ray ends workers."""

_FIRST_ANSWER_S = 180.0
"""Seconds within which a node starts its first worker, and torch where it has GPUs."""

_CLOCKS_APART_S = 2.0
"""Seconds by which clocks may differ without a word."""


def answered(results: Mapping[Node, Environment | BadInputError]) -> Iterator[Finding]:
    """Complain of nodes that did not say what they compute with, and count those that did."""
    there = [node for node, result in results.items() if not isinstance(result, BadInputError)]
    for node, result in results.items():
        if isinstance(result, BadInputError):
            remedy = (
                "start its Ray with nothing of ours on PYTHONPATH; its logs are in Ray's folder there (logs/raylet.err)"
            )
            yield refused("nodes", result, where=str(node), remedy=remedy)
    if there:
        cpus, gpus = sum(node.cpus for node in there), sum(node.gpus for node in there)
        text = f"{counted(cpus, 'CPU', 'g')}, {counted(gpus, 'GPU', 'g')} in all"
        yield Finding("nodes", "green", text, named(there, len(results)))


def versions(found: Mapping[Node, Environment]) -> Iterator[Finding]:
    """Check that each node computes with what this program computes with."""
    here = this_environment()

    def judge(node: Node, there: Environment) -> Iterator[Finding]:
        for difference in differences(here, there):
            remedy = "give it the environment of this machine (the same requirements.lock), or stop it"
            yield Finding("versions", "red", difference, str(node), remedy)

    told = f"Python {here.python}, Ray {here.ray}, torch {here.torch}, the code of this program"
    return judged("versions", found, judge, lambda _: told)


def times(nodes: Sequence[Node]) -> Iterator[Finding]:
    """Check that each node's clock is near this machine's."""

    def judge(node: Node, found: Clock | BadInputError) -> Iterator[Finding]:
        if isinstance(found, BadInputError):
            yield refused("clock", found, where=str(node), level="yellow", remedy="run the same command again")
        elif abs(found.offset) - found.doubt > _CLOCKS_APART_S:
            text = f"its clock is {abs(found.offset):.3g} s {'ahead' if found.offset > 0 else 'behind'}"
            remedy = (
                "let it follow a time server (chrony, timedatectl set-ntp true): logs, and signed requests, need it"
            )
            yield Finding("clock", "yellow", text, str(node), remedy)

    def well(found: list[Clock | BadInputError]) -> str:
        most = max(abs(one.offset) + one.doubt for one in found if isinstance(one, Clock))
        return f"within {most:.2g} s of this machine's"

    return judged("clock", clocks(nodes), judge, well)


def probes(nodes: Sequence[Node]) -> dict[Node, NodeProbe | BadInputError]:
    """Have each node look around."""
    results: dict[Node, NodeProbe | BadInputError] = {}
    for gpus_there in sorted({node.gpus for node in nodes}):
        some = [node for node in nodes if node.gpus == gpus_there]
        results |= on_each(probe, some, PACKAGES, gpus_there, seconds=_FIRST_ANSWER_S)
    return {node: results[node] for node in nodes}


def names(found: Mapping[Node, NodeProbe]) -> Iterator[Finding]:
    """Check on each node that our packages are ours alone."""

    def judge(node: Node, there: NodeProbe) -> Iterator[Finding]:
        yield from name_clashes(there.clashes, str(node))

    return judged("names", found, judge, lambda _: "data_prep, models, search, cluster, tunesmith are ours alone")


def name_clashes(found: Sequence[Clash], where: str = "") -> Iterator[Finding]:
    """Complain of packages of ours that others have too."""
    apart = "give tunesmith an environment of its own (python -m venv), as the README says"
    for clash in found:
        if not clash.owner:
            yield Finding("names", "red", f"there is no package {clash.package}", where, "install tunesmith again")
        elif clash.mixed:
            text = f"the package {clash.package} is not ours alone: {clash.owner} put its own in {clash.folder}"
            remedy = f"uninstall {clash.owner}, then install tunesmith again; or {apart}"
            yield Finding("names", "red", text, where, remedy)
        else:
            text = f"{clash.owner} has a package {clash.package} too, in {clash.folder}; ours is found first"
            yield Finding("names", "yellow", text, where, apart)


def gpus(probes: Mapping[Node, NodeProbe]) -> Iterator[Finding]:
    """Check on each node that the GPUs that Ray counts are there."""
    if not any(node.gpus or found.gpus for node, found in probes.items()):
        yield Finding("gpus", "green", "there are none; trials train on CPUs", named(probes, len(probes)))
        return
    with_gpus = {node: found for node, found in probes.items() if node.gpus or found.gpus}
    yield from judged("gpus", with_gpus, _gpus_of, _kinds_of_gpus)
    versions = sorted({gpu.driver for found in probes.values() for gpu in found.gpus})
    if len(versions) > 1:
        text = f"the nodes' drivers differ: {', '.join(versions)}"
        yield Finding("gpus", "yellow", text, remedy="install one version on all: numbers may differ between drivers")


def _gpus_of(node: Node, found: NodeProbe) -> Iterator[Finding]:
    usable, said = found.num_torch_gpus or 0, f"Ray counts {counted(node.gpus, 'GPU', 'g')}"
    if usable < node.gpus:
        driver = f"NVIDIA's driver names {len(found.gpus)}" if found.gpus else "no driver of NVIDIA's answers there"
        yield Finding(
            "gpus",
            "red",
            f"{said} and torch can use {usable}; {driver}",
            str(node),
            "start its Ray with --num-gpus set to what is there, or install the driver and a torch built for it",
        )
    elif not node.gpus:
        yield Finding(
            "gpus",
            "yellow",
            f"{said}, and there are {len(found.gpus)} ({found.gpus[0].name})",
            str(node),
            f"to use them, start its Ray with --num-gpus={len(found.gpus)}",
        )


def _kinds_of_gpus(found: list[NodeProbe]) -> str:
    kinds = sorted({(gpu.name, gpu.driver, gpu.memory) for one in found for gpu in one.gpus})
    count = sum(one.num_torch_gpus or 0 for one in found)
    told = ", ".join(f"{name} with {size(memory)}, driver {driver}" for name, driver, memory in kinds)
    return f"{counted(count, 'GPU', 'g')} for torch: {told or 'of a kind that nvidia-smi does not tell'}"


def disks(probes: Mapping[Node, NodeProbe]) -> Iterator[Finding]:
    """Check on each node the room that Ray has for what does not fit its memory."""

    def judge(node: Node, found: NodeProbe) -> Iterator[Finding]:
        yield from room("disk", found.spill, "Ray's folder", str(node), "free some space there")

    return judged("disk", probes, judge, lambda some: f"at least {size(min(one.spill.free for one in some))} for Ray")


def room(check: str, disk: Disk, what: str, where: str, remedy: str) -> Iterator[Finding]:
    """Complain of a disk that is full or nearly so.

    Args:
        check: What is looked at.
        disk: The disk.
        what: What it is used for.
        where: The node.
        remedy: What to do.

    Yields:
        The complaint, if there is one.
    """
    text = f"{what} {disk.folder} has {size(disk.free)} left"
    if disk.free < _ROOM_NEEDED:
        yield Finding(check, "red", text, where, remedy)
    elif disk.free < _ROOM_WANTED:
        yield Finding(check, "yellow", text, where, remedy)
    elif what.startswith("Ray") and disk.used > _DISK_LIMIT:
        text = f"{text}, which is {disk.used:.0%} full: Ray moves no data there"
        yield Finding(check, "yellow", text, where, remedy)


def memories(probes: Mapping[Node, NodeProbe]) -> Iterator[Finding]:
    """Check on each node that Ray does not end workers for want of memory at once."""

    def judge(node: Node, found: NodeProbe) -> Iterator[Finding]:
        if found.memory_free is None or found.memory_total is None:
            return
        if found.memory_free < (1 - _MEMORY_LIMIT) * found.memory_total:
            yield Finding(
                "memory",
                "red",
                f"{size(found.memory_free)} of {size(found.memory_total)} are free: Ray ends trials at once",
                str(node),
                "end what else runs there",
            )

    def well(some: list[NodeProbe]) -> str:
        known = [one.memory_free for one in some if one.memory_free is not None]
        return f"at least {size(min(known))} free" if known else "the system does not tell what is free"

    return judged("memory", probes, judge, well)


def reachable(check: str, what: str, host: str, port: int, nodes: Sequence[Node]) -> Iterator[Finding]:
    """Check that nodes reach a server; a search runs without, for only its driver writes there.

    Args:
        check: What is looked at.
        what: The server in words.
        host: Its host.
        port: Its port.
        nodes: The nodes.

    Yields:
        The findings.
    """

    def judge(node: Node, reason: str | BadInputError) -> Iterator[Finding]:
        if reason:
            text = f"{what} at {host}:{port} is not reached from there ({reason})"
            remedy = "a search runs without; to look on from that node, let the server listen on more than loopback"
            yield Finding(check, "yellow", text, str(node), remedy)

    yield from judged(check, on_each(reaches, nodes, host, port), judge, lambda _: f"reach {what} at {host}:{port}")


def object_stores(nodes: Sequence[Node], data_size: int) -> Iterator[Finding]:
    """Check that the data fits each node's object store, where all its trials share one copy.

    Args:
        nodes: The nodes.
        data_size: Bytes of the data.

    Yields:
        The findings.
    """
    import ray

    told: list[dict[str, Any]] = ray.nodes()
    stores: dict[str, float] = {one["NodeID"]: one["Resources"].get("object_store_memory", 0.0) for one in told}

    def judge(node: Node, store: float) -> Iterator[Finding]:
        if data_size > store:
            yield Finding(
                "data",
                "yellow",
                f"the data's {size(data_size)} do not fit Ray's object store of {size(store)}: it is kept on disk",
                str(node),
                f"start its Ray with --object-store-memory={2 * data_size}",
            )

    known = {node: stores.get(node.id, 0.0) for node in nodes}
    yield from judged("data", known, judge, lambda some: f"{size(data_size)} fit the object store ({size(min(some))})")


def size(count: float) -> str:
    """Write a number of bytes: "77 GiB", "1.5 MiB"."""
    for unit, name in ((_GIB, "GiB"), (1 << 20, "MiB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count / 1024:.3g} KiB" if count >= 1024 else counted(count, "byte", "g")  # noqa: PLR2004
