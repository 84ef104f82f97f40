"""The nodes of a cluster while a search runs: new nodes are checked and used, lost nodes are dropped."""

import threading
import time
from collections.abc import Callable, Sequence

from cluster.node_software import Environment, environments, faults, refuse
from cluster.nodes import Node, alive_nodes
from cluster.resources import SlotPlan, num_fitting
from data_prep.errors import BadInputError, one_line
from data_prep.wording import by_number, counted

_UPDATE_EVERY_S = 2.0
_REPORT_WAITING_AFTER_S = 30.0
_ASK_AGAIN_AFTER_S = 60.0


class Membership:
    """The nodes that a search uses, as they join and leave."""

    def __init__(
        self, nodes: Sequence[Node], plan: SlotPlan, *, wanted: int = 0, report: Callable[[str], None]
    ) -> None:
        """Start with nodes that have passed :func:`cluster.node_software.handshake`.

        Args:
            nodes: The nodes.
            plan: The resources of each trial.
            wanted: Number of concurrent trials wanted; 0 is as many as fit.
            report: Called with each message for the user, from within the other methods.
        """
        self._plan, self._wanted, self._report = plan, wanted, report
        self._alive = {node.id: node for node in nodes}
        self._checked = set(self._alive)
        self._handshake: _Handshake | None = None
        self._silent: dict[str, float] = {}
        self._wrong: dict[Node, str] = {}
        self._updated = self._fitted = time.monotonic()
        self._reported_waiting = False

    def slots(self) -> int:
        """Return how many trials may be started now, including those that wait for a node; cheap enough to poll.

        By default, this is the number that fits on the nodes. If more trials are wanted than fit, up to twice that
        number may be started (at least one more node's worth): an autoscaler sees the waiting trials and adds nodes.

        Returns:
            The number; at least 1, so that a search that has lost all nodes waits for new ones.

        Raises:
            BadInputError: If the Python, libraries or code of a new node differ from this program's.
        """
        self._update()
        fitting, largest = self._fitting(), max(map(self._fitting_on, self._used()), default=0)
        if self._wanted:
            return max(1, min(self._wanted, fitting + max(fitting, largest)))
        return max(1, fitting)

    def is_alive(self, node_id: str) -> bool:
        """Return whether a node was alive at the last update; Ray takes about 15 s to notice a lost connection."""
        self._update()
        return node_id in self._alive

    def _update(self) -> None:
        refuse(self._wrong)
        now = time.monotonic()
        if now - self._updated < _UPDATE_EVERY_S:
            return
        self._updated = now
        self._replace_alive({node.id: node for node in alive_nodes()})
        self._check_new(now)
        if self._fitting():
            self._fitted, self._reported_waiting = now, False
        elif now - self._fitted > _REPORT_WAITING_AFTER_S and not self._reported_waiting:
            self._reported_waiting = True
            self._report(f"a trial fits on no node ({self._plan.each}): the search waits for one to join")

    def _replace_alive(self, alive: dict[str, Node]) -> None:
        """Store which nodes are alive, and report the lost ones."""
        lost = [node for node in self._used() if node.id not in alive and self._fitting_on(node)]
        self._alive = alive
        self._checked &= set(alive)
        if lost:
            self._report(
                f"{_named(lost)} {by_number(len(lost), 'is', 'are')} gone: {self._count()}; trials resume elsewhere"
            )

    def _check_new(self, now: float) -> None:
        """Ask new nodes for their environments, and use the nodes with the right one."""
        if self._handshake is not None and not self._handshake.is_alive():
            self._add(self._handshake.answers, now)
            self._handshake = None
            refuse(self._wrong)
        new = [
            node
            for node_id, node in self._alive.items()
            if node_id not in self._checked
            and self._fitting_on(node)
            and now - self._silent.get(node_id, -_ASK_AGAIN_AFTER_S) >= _ASK_AGAIN_AFTER_S
        ]
        if new and self._handshake is None:
            self._handshake = _Handshake(new)

    def _add(self, answers: dict[Node, Environment | BadInputError], now: float) -> None:
        answers = {node: answer for node, answer in answers.items() if node.id in self._alive}
        for node, answer in answers.items():
            if isinstance(answer, BadInputError):
                if node.id not in self._silent:
                    self._report(f"{answer.problem}; it is asked again, and gets no trial before it answers")
                self._silent[node.id] = now
        answered = {node: answer for node, answer in answers.items() if isinstance(answer, Environment)}
        self._wrong = faults(answered)
        joined = [node for node in answered if node not in self._wrong]
        self._checked |= {node.id for node in joined}
        if joined:
            self._report(f"{_named(joined)} joined: {self._count()}")

    def _used(self) -> list[Node]:
        return [node for node_id, node in self._alive.items() if node_id in self._checked]

    def _fitting(self) -> int:
        return num_fitting(self._used(), self._plan.cpus, self._plan.gpus)

    def _fitting_on(self, node: Node) -> int:
        return num_fitting([node], self._plan.cpus, self._plan.gpus)

    def _count(self) -> str:
        fitting = self._fitting()
        return counted(min(fitting, self._wanted or fitting), "slot")


class _Handshake(threading.Thread):
    """A thread that asks nodes for their environments while the search runs."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        super().__init__(name="handshake", daemon=True)
        self._nodes = nodes
        self.answers: dict[Node, Environment | BadInputError] = {}
        self.start()

    def run(self) -> None:
        """Ask the nodes, and store their answers."""
        try:
            self.answers = environments(self._nodes)
        except Exception as error:  # noqa: BLE001  (Ray has dozens)
            silent = BadInputError("every node must answer", f"new ones could not be asked ({one_line(error)})")
            self.answers = dict.fromkeys(self._nodes, silent)


def _named(nodes: Sequence[Node]) -> str:
    return f"{by_number(len(nodes), 'node', 'nodes')} {', '.join(sorted(map(str, nodes)))}"
