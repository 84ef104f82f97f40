"""The machines of a cluster."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from data_prep.errors import BadInputError

ResultT = TypeVar("ResultT")

_MUST_ANSWER = "every node must answer"


@dataclass(frozen=True)
class Node:
    """A live node of the Ray cluster.

    Attributes:
        id: Ray's id of the machine; it changes whenever Ray is started there.
        address: IP address.
        cpus: CPUs for trials.
        gpus: GPUs for trials.
        memory: Memory for Ray's workers, in bytes.
        gpu_kind: Ray's name for the kind of GPU ("H100"); empty if there is no GPU, or Ray does not know its kind.
    """

    id: str
    address: str
    cpus: float
    gpus: float
    memory: float = 0.0
    gpu_kind: str = ""

    def __str__(self) -> str:
        """Return the address."""
        return self.address


def alive_nodes() -> tuple[Node, ...]:
    """Return the machines that are alive, sorted by address."""
    import ray

    entries: list[dict[str, Any]] = ray.nodes()
    nodes = (_node(entry) for entry in entries if entry["Alive"])
    return tuple(sorted(nodes, key=lambda node: (tuple(map(_number, node.address.split("."))), node.id)))


def _node(entry: Mapping[str, Any]) -> Node:
    resources: Mapping[str, float] = entry["Resources"]
    kinds = [name.partition(":")[2] for name in resources if name.startswith("accelerator_type:")]
    return Node(
        id=entry["NodeID"],
        address=entry["NodeManagerAddress"],
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
    """Call a function on several machines in parallel.

    Args:
        function: An importable function.
        nodes: The machines.
        *arguments: The function's arguments.
        seconds: Time limit.
        gpus: GPUs for each call.

    Returns:
        The function's result on each machine, or an error if it raised, was too slow, or the machine was lost.
    """
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

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
    done = ray.wait(list(calls.values()), num_returns=len(calls), timeout=seconds)[0] if calls else []
    results: dict[Node, ResultT | BadInputError] = {}
    for node, call in calls.items():
        if call not in done:
            ray.cancel(call, force=True)
            results[node] = BadInputError(_MUST_ANSWER, f"{node} did not within {seconds:g} s")
            continue
        try:
            results[node] = ray.get(call)
        except RayError as error:  # also wraps an error that the function raised
            results[node] = BadInputError(_MUST_ANSWER, f"{node} does not ({_reason(error)})")
    return results


def _reason(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return f"{type(cause).__name__}: {lines[-1].strip()}"[:300]
