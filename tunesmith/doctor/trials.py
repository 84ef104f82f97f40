"""The doctor's last checks: what Ray carries to workers, and a real trial on each kind of node."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportUnknownArgumentType=false, reportPrivateImportUsage=false

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from cluster.nodes import Node, on_each
from data_prep.errors import BadInputError
from tunesmith.doctor.finding import Finding, refused
from tunesmith.doctor.nodes import size

ResultT = TypeVar("ResultT")

_TRIAL_S = 900.0
"""Seconds that a trial of two epochs may take."""


def pickled(parts: Mapping[str, Any]) -> Iterator[Finding]:
    """Check that Ray can carry things to workers.

    Args:
        parts: The things by their names.

    Yields:
        The findings: one green line with their sizes, and a red one for each that cannot be carried.
    """
    from ray import cloudpickle

    sizes: dict[str, int] = {}
    for name, part in parts.items():
        try:
            sizes[name] = len(cloudpickle.dumps(part))
        except Exception as error:  # noqa: BLE001  (whatever pickling raises)
            text = f"the {name} cannot be sent to workers: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
            remedy = "keep open files, locks, lambdas and classes made in functions out of what it holds"
            yield Finding("pickling", "red", text, remedy=remedy)
    if sizes:
        yield Finding("pickling", "green", ", ".join(f"{name} {size(count)}" for name, count in sizes.items()))


def carried_size(data: Any) -> int:
    """Give the bytes that data takes in Ray's object store."""
    from ray import cloudpickle

    return len(cloudpickle.dumps(data, protocol=5))


def kinds(nodes: Sequence[Node]) -> list[tuple[Node, ...]]:
    """Sort nodes that train into kinds of equal processors and GPUs.

    Args:
        nodes: The nodes.

    Returns:
        The nodes of each kind.
    """
    groups: dict[tuple[float, float, str], list[Node]] = {}
    for node in nodes:
        groups.setdefault((node.cpus, node.gpus, node.gpu_kind), []).append(node)
    return [tuple(group) for group in groups.values()]


def carried(data: Any) -> Any:
    """Put data into Ray's object store, once for all the nodes that ask for it."""
    import ray

    return ray.put(data)


def trained(
    kind: Sequence[Node],
    function: Callable[..., ResultT],
    *arguments: Any,
    gpus: float,
    told: Callable[[ResultT], str],
) -> Iterator[Finding]:
    """Train on the first node of a kind.

    Args:
        kind: The nodes of that kind.
        function: Trains.
        *arguments: What it is called with; data is best :func:`carried`.
        gpus: The GPUs that it gets.
        told: Puts into words what it returned.

    Yields:
        The finding.
    """
    node = kind[0]
    result = on_each(function, [node], *arguments, seconds=_TRIAL_S, gpus=gpus)[node]
    where = str(node) if len(kind) == 1 else f"{node} ({len(kind)} alike)"
    if isinstance(result, BadInputError):
        remedy = "if it trains here (tunesmith trial), look at that node: its Ray's logs, its GPU, who else uses it"
        yield refused("trial", result, where=where, remedy=remedy)
    else:
        yield Finding("trial", "green", told(result), where)
