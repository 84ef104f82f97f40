"""The nodes of a cluster while a search runs: new ones are used, lost ones are no longer counted."""

import threading
import time
from collections.abc import Callable, Sequence

from cluster.node_software import Environment, environments, faults, refuse
from cluster.nodes import Node, alive_nodes
from cluster.resources import SlotPlan, num_fitting
from data_prep.errors import BadInputError, one_line
from data_prep.wording import by_number, counted

_LOOK_EVERY_S = 2.0
_SAY_WAITING_AFTER_S = 30.0
_ASK_AGAIN_AFTER_S = 60.0


class Membership:
    """The nodes of a search, as they join and leave."""

    def __init__(self, nodes: Sequence[Node], plan: SlotPlan, *, wanted: int = 0, tell: Callable[[str], None]) -> None:
        """Begin with the nodes whose environments were compared (:func:`cluster.node_software.handshake`).

        Args:
            nodes: These nodes.
            plan: What each trial gets.
            wanted: Trials wanted at once; 0 is as many as fit.
            tell: Called with each line for the user, from within the other methods.
        """
        self._plan, self._wanted, self._tell = plan, wanted, tell
        self._alive = {node.id: node for node in nodes}
        self._right = set(self._alive)
        self._handshake: _Handshake | None = None
        self._silent: dict[str, float] = {}
        self._wrong: dict[Node, str] = {}
        self._looked = self._fitted = time.monotonic()
        self._said_waiting = False

    def slots(self) -> int:
        """Return how many trials may be started now, including those that wait for a node; fast enough to poll.

        Without a wanted number, it is what fits on the nodes. Where more trials are wanted than fit, as many again may
        wait as fit (at least one node's worth): an autoscaler sees them, and Ray's also doubles a cluster.

        Returns:
            The number; at least 1, so that a search that lost all nodes waits for others.

        Raises:
            BadInputError: If a node joined whose Python, libraries or code are not this program's.
        """
        self._look()
        fitting, largest = self._fitting(), max(map(self._fitting_on, self._used()), default=0)
        if self._wanted:
            return max(1, min(self._wanted, fitting + max(fitting, largest)))
        return max(1, fitting)

    def is_alive(self, node_id: str) -> bool:
        """Return whether a node was alive when Ray was last asked; Ray takes about 15 s to notice a lost connection."""
        self._look()
        return node_id in self._alive

    def _look(self) -> None:
        refuse(self._wrong)
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY_S:
            return
        self._looked = now
        self._compare({node.id: node for node in alive_nodes()})
        self._greet(now)
        if self._fitting():
            self._fitted, self._said_waiting = now, False
        elif now - self._fitted > _SAY_WAITING_AFTER_S and not self._said_waiting:
            self._said_waiting = True
            self._tell(f"a trial fits on no node ({self._plan.each}): the search waits for one to join")

    def _compare(self, alive: dict[str, Node]) -> None:
        """Store which nodes are alive, and report those that are gone."""
        gone = [node for node_id, node in self._alive.items() if node_id not in alive]
        self._alive = alive
        missed = [node for node in gone if node.id in self._right and self._fitting_on(node)]
        self._right &= set(alive)
        if missed:
            self._tell(f"{_named(missed)} gone: {self._count()}; its trials resume elsewhere")

    def _greet(self, now: float) -> None:
        """Ask new nodes for their environment, and use those whose environment is right."""
        if self._handshake is not None and not self._handshake.is_alive():
            self._take(self._handshake.answers, now)
            self._handshake = None
            refuse(self._wrong)
        new = [
            node
            for node_id, node in self._alive.items()
            if node_id not in self._right
            and self._fitting_on(node)
            and now - self._silent.get(node_id, -_ASK_AGAIN_AFTER_S) >= _ASK_AGAIN_AFTER_S
        ]
        if new and self._handshake is None:
            self._handshake = _Handshake(new)

    def _take(self, answers: dict[Node, Environment | BadInputError], now: float) -> None:
        there = {node: answer for node, answer in answers.items() if node.id in self._alive}
        answered = {node: answer for node, answer in there.items() if isinstance(answer, Environment)}
        for node, answer in there.items():
            if isinstance(answer, BadInputError):
                if node.id not in self._silent:
                    self._tell(f"{answer.problem}; it is asked again, and gets no trial before it answers")
                self._silent[node.id] = now
        self._wrong = faults(answered)
        joined = [node for node in answered if node not in self._wrong]
        self._right |= {node.id for node in joined}
        if joined:
            self._tell(f"{_named(joined, been=False)} joined: {self._count()}")

    def _used(self) -> list[Node]:
        return [node for node_id, node in self._alive.items() if node_id in self._right]

    def _fitting(self) -> int:
        return num_fitting(self._used(), self._plan.cpus, self._plan.gpus)

    def _fitting_on(self, node: Node) -> int:
        return num_fitting([node], self._plan.cpus, self._plan.gpus)

    def _count(self) -> str:
        number = min(self._fitting(), self._wanted or self._fitting())
        return counted(number, "slot")


class _Handshake(threading.Thread):
    """Asks nodes for their environment while the search runs."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        super().__init__(name="handshake", daemon=True)
        self._nodes = nodes
        self.answers: dict[Node, Environment | BadInputError] = {}
        self.start()

    def run(self) -> None:
        """Ask, and store the answers."""
        try:
            self.answers = environments(self._nodes)
        except Exception as error:  # noqa: BLE001  (Ray has dozens)
            silent = BadInputError("every node must answer", f"new ones could not be asked ({one_line(error)})")
            self.answers = dict.fromkeys(self._nodes, silent)


def _named(nodes: Sequence[Node], *, been: bool = True) -> str:
    names = ", ".join(sorted(map(str, nodes)))
    verb = by_number(len(nodes), " is", " are") if been else ""
    return f"{by_number(len(nodes), 'node', 'nodes')} {names}{verb}"
