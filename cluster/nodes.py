"""The machines of a cluster, as Ray knows them."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from data_prep.errors import BadInputError

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Node:
    """One machine that is there.

    Attributes:
        id: Ray's id of it, new whenever its Ray is started.
        address: Its IP address.
        cpus: Processors that trials may have.
        gpus: GPUs that trials may have.
        memory: Bytes of memory that Ray counts with.
        gpu_kind: What kind of GPU it has, as Ray calls it ("H100"); empty where there is none or none that it knows.
    """

    id: str
    address: str
    cpus: float
    gpus: float
    memory: float = 0.0
    gpu_kind: str = ""

    def __str__(self) -> str:
        """Name it as a user knows it."""
        return self.address


def alive_nodes() -> tuple[Node, ...]:
    """Give the machines that are there now, by address."""
    import ray  # noqa: PLC0415  (after the environment that it reads)

    found: list[dict[str, Any]] = ray.nodes()
    nodes = (_node(one) for one in found if one["Alive"])
    return tuple(sorted(nodes, key=lambda node: (tuple(map(_number, node.address.split("."))), node.id)))


def _node(found: Mapping[str, Any]) -> Node:
    resources: Mapping[str, float] = found["Resources"]
    kinds = [name.partition(":")[2] for name in resources if name.startswith("accelerator_type:")]
    return Node(
        id=found["NodeID"],
        address=found["NodeManagerAddress"],
        cpus=resources.get("CPU", 0.0),
        gpus=resources.get("GPU", 0.0),
        memory=resources.get("memory", 0.0),
        gpu_kind=kinds[0] if kinds else "",
    )


def _number(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdecimal() else (-1, part)


def on_each(
    function: Callable[..., ResultT], nodes: Sequence[Node], *arguments: Any, seconds: float = 60.0, gpus: float = 0.0
) -> dict[Node, ResultT | BadInputError]:
    """Call a function on each of some machines at the same time.

    Args:
        function: An importable function.
        nodes: Where.
        *arguments: What it is called with.
        seconds: How long the slowest may take.
        gpus: GPUs that it gets.

    Returns:
        What it returned; where it raised, was too slow or the machine went away: an error that says so.
    """
    import ray  # noqa: PLC0415  (after the environment that it reads)
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    remote = ray.remote(function)
    calls = {
        node: remote.options(
            num_cpus=0,
            num_gpus=gpus,
            max_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
        ).remote(*arguments)
        for node in nodes
    }
    done, late = ray.wait(list(calls.values()), num_returns=len(calls), timeout=seconds) if calls else ([], [])
    results: dict[Node, ResultT | BadInputError] = {}
    for node, call in calls.items():
        if call not in done:
            ray.cancel(call, force=True)
            results[node] = BadInputError(f"every node must answer: {node} did not within {seconds:g} s")
            continue
        try:
            results[node] = ray.get(call)
        except Exception as error:  # noqa: BLE001  (whatever it raised there)
            results[node] = BadInputError(f"every node must answer: {node} does not ({_reason(error)})")
    del late
    return results


def _reason(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return f"{type(cause).__name__}: {lines[-1].strip()}"[:300]
