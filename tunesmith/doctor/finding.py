"""One line of the doctor's report, and how answers of nodes, refusals and exceptions become such lines."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from cluster.nodes import Node
from data_prep.errors import BadInputError, one_line
from data_prep.wording import counted
from tunesmith.remedies import remedy_in_words

Level: TypeAlias = Literal["green", "yellow", "red"]
"""Green: fine. Yellow: a search runs, but not as well as it could. Red: a search fails."""

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        check: The name of the check.
        level: How serious it is.
        text: What was found.
        where: The node or nodes; empty for this machine.
        remedy: What to do; required unless the level is green.
    """

    check: str
    level: Level
    text: str
    where: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        """Check that every complaint has a remedy."""
        assert self.level == "green" or self.remedy, f"{self.text} has no remedy"


def refused(check: str, error: BadInputError, *, where: str = "", level: Level = "red", remedy: str = "") -> Finding:
    """Turn an error into a finding; ``remedy`` is for an error that has none."""
    what_to_do = remedy_in_words(error) or remedy or "fix that, then run the same command again"
    return Finding(check, level, error.problem, where, what_to_do)


def guarded(check: str, run: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Run a check; an error that it raises is a finding too."""
    try:
        yield from run()
    except BadInputError as error:
        yield refused(check, error)
    except Exception as error:  # noqa: BLE001  (the remaining checks still run)
        text = f"this could not be checked: {type(error).__name__}: {one_line(error)}"
        remedy = "fix what the message names; if it is nothing of yours, report it as a bug of tunesmith"
        yield Finding(check, "red", text, remedy=remedy)


def judged(
    check: str,
    answers: Mapping[Node, AnswerT],
    complaints: Callable[[Node, AnswerT], Iterable[Finding]],
    summary: Callable[[list[AnswerT]], str],
) -> Iterator[Finding]:
    """Report the nodes that something is wrong with one by one, and all others in one line.

    Args:
        check: The name of the check.
        answers: What each node answered.
        complaints: Returns what is wrong with one node.
        summary: Describes the answers of the nodes that nothing is wrong with.

    Yields:
        The complaints, then one green line for the other nodes.
    """
    fine: dict[Node, AnswerT] = {}
    for node, answer in answers.items():
        wrong = list(complaints(node, answer))
        yield from wrong
        if not wrong:
            fine[node] = answer
    if fine:
        yield Finding(check, "green", summary(list(fine.values())), named(fine, len(answers)))


def named(nodes: Iterable[Node], num_all: int) -> str:
    """Name some nodes: one by its address, several by their number."""
    some = list(nodes)
    if len(some) == 1:
        return str(some[0])
    return f"all {counted(num_all, 'node')}" if len(some) == num_all else f"{len(some)} of {counted(num_all, 'node')}"
