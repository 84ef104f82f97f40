"""How far the nodes' clocks are from this machine's, measured as NTP does.

A search is not harmed by clocks that are apart: every time that its study holds is the driver's. Logs, tokens and
object stores that sign their requests are.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from cluster.nodes import Node, on_each
from data_prep.errors import BadInputError

_QUESTIONS = 4


@dataclass(frozen=True)
class Clock:
    """A node's clock beside this machine's.

    Attributes:
        offset: Seconds by which it is ahead.
        doubt: Seconds by which that may be wrong: half of what the question and the answer took.
    """

    offset: float
    doubt: float


def clocks(nodes: Sequence[Node]) -> dict[Node, Clock | BadInputError]:
    """Measure each node's clock; the quickest of a few answers counts.

    Args:
        nodes: The nodes.

    Returns:
        Each one's clock; an error where it did not answer.
    """
    found: dict[Node, Clock | BadInputError] = {}
    for node, answer in on_each(_times, nodes).items():  # by the first question a node starts a worker
        found[node] = answer if isinstance(answer, BadInputError) else _clock_of(node)
    return found


def reading(sent: float, arrived: float, answered: float, received: float) -> Clock:
    """Work out a clock from one question.

    Args:
        sent: When the question was sent, by this machine's clock.
        arrived: When it arrived, by the node's.
        answered: When the answer was sent, by the node's.
        received: When it came, by this machine's.

    Returns:
        The clock, as if both ways took the same time (RFC 5905, section 8).
    """
    there_and_back = (received - sent) - (answered - arrived)
    return Clock(((arrived - sent) + (answered - received)) / 2, max(there_and_back, 0.0) / 2)


def _clock_of(node: Node) -> Clock | BadInputError:
    readings: list[Clock] = []
    for _ in range(_QUESTIONS):
        sent = time.time()
        answer = on_each(_times, [node], seconds=20.0)[node]
        received = time.time()
        if isinstance(answer, BadInputError):
            return answer
        readings.append(reading(sent, *answer, received))
    return min(readings, key=lambda one: one.doubt)


def _times() -> tuple[float, float]:
    arrived = time.time()
    return arrived, time.time()
