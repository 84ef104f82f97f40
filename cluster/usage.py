"""The resources that are in use on the machines of a cluster."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from dataclasses import dataclass

from cluster.nodes import Node, alive_nodes


@dataclass(frozen=True)
class Usage:
    """The resources in use on a machine.

    Attributes:
        node: The machine.
        cpus: CPUs in use.
        gpus: GPUs in use, including fractions.
    """

    node: Node
    cpus: float
    gpus: float


def usage() -> list[Usage]:
    """Return the resources in use on each machine of the connected cluster, sorted by address."""
    from ray._private.state import available_resources_per_node

    free: dict[str, dict[str, float]] = available_resources_per_node()
    return [
        Usage(
            node,
            cpus=round(node.cpus - free.get(node.id, {}).get("CPU", 0.0), 4),
            gpus=round(node.gpus - free.get(node.id, {}).get("GPU", 0.0), 4),
        )
        for node in alive_nodes()
    ]
