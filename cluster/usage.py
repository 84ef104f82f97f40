"""The resources of the machines of a cluster, and how much of them is in use now."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from dataclasses import dataclass

from cluster.nodes import Node, alive_nodes


@dataclass(frozen=True)
class Usage:
    """What is in use on one machine.

    Attributes:
        node: The machine.
        cpus: CPUs in use.
        gpus: GPUs in use, fractions included.
    """

    node: Node
    cpus: float
    gpus: float


def usage() -> list[Usage]:
    """Return what is in use on each machine of the connected cluster, by address."""
    from ray._private.state import (
        available_resources_per_node,
    )

    free: dict[str, dict[str, float]] = available_resources_per_node()
    return [
        Usage(
            node,
            cpus=round(node.cpus - free.get(node.id, {}).get("CPU", 0.0), 4),
            gpus=round(node.gpus - free.get(node.id, {}).get("GPU", 0.0), 4),
        )
        for node in alive_nodes()
    ]
