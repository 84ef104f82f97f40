"""The state that the doctor's checks share: the search, the connection to Ray, and earlier results."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.node_software import Environment
from cluster.nodes import Node
from cluster.resources import SlotPlan, num_fitting
from data_prep.errors import BadInputError
from models.families import family as find_family
from models.training.memory import PeakMemory
from search.spec.file import SearchSpec
from tunesmith.doctor.probe import NodeProbe
from tunesmith.searching.gpu_memory import gpu_peaks

if TYPE_CHECKING:
    from data_prep.prepared.corpus import Prepared
    from models.family import Family


@dataclass
class Context:
    """The state of an examination.

    Attributes:
        spec: The search.
        home: The home folder.
        address: The cluster's address; None for this machine.
        progress: Called with a description of each step.
        session: Closes the connection to Ray.
        nodes: The nodes that answer.
        environments: Versions and code of each node.
        probes: Measurements of each node.
        prepared: The data; None before it is read.
        slots: The resources of trials; None before they are planned.
    """

    spec: SearchSpec
    home: Path
    address: str | None
    progress: Callable[[str], None]
    session: ExitStack = field(default_factory=ExitStack)
    nodes: tuple[Node, ...] = ()
    environments: dict[Node, Environment] = field(default_factory=dict[Node, Environment])
    probes: dict[Node, NodeProbe] = field(default_factory=dict[Node, NodeProbe])
    prepared: "Prepared | None" = None
    slots: SlotPlan | None = None
    _gpu_peaks: dict[Node, PeakMemory | BadInputError] | None = None

    @property
    def family(self) -> "Family[Any, Any]":
        """The search's family."""
        return find_family(self.spec.family)

    @property
    def working(self) -> tuple[Node, ...]:
        """The nodes on which a trial fits."""
        slots = self.slots
        return tuple(node for node in self.nodes if slots and num_fitting([node], slots.cpus, slots.gpus))

    def gpu_peaks(self) -> dict[Node, PeakMemory | BadInputError]:
        """Return the memory of the largest setting on one node of each kind of GPU, measured at the first call."""
        if self._gpu_peaks is None and self.prepared is not None:
            self._gpu_peaks = gpu_peaks(self.spec, self.family, self.prepared, self.nodes, self.home, self.progress)
        return self._gpu_peaks or {}


def alike(nodes: Sequence[Node]) -> list[tuple[Node, ...]]:
    """Group nodes by their CPUs and GPUs."""
    groups: dict[tuple[float, float, str], list[Node]] = {}
    for node in nodes:
        groups.setdefault((node.cpus, node.gpus, node.gpu_kind), []).append(node)
    return [tuple(group) for group in groups.values()]
