"""What the machines of a cluster have, and how much of it is in use now."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from dataclasses import dataclass

from cluster.nodes import Node, alive_nodes


@dataclass(frozen=True)
class Usage:
    """One machine.

    Attributes:
        node: What it has.
        cpus: Processors in use.
        gpus: GPUs in use; parts of one count as parts.
    """

    node: Node
    cpus: float
    gpus: float


def usage() -> list[Usage]:
    """Give what is in use on each machine, by address, while connected to the cluster."""
    from ray._private.state import (  # noqa: PLC0415  (what is public gives the sum alone)
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
