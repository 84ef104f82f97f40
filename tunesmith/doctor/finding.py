"""The lines of the doctor's report, made from the answers of nodes and from exceptions."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from cluster.nodes import Node
from data_prep.errors import BadInputError, one_line
from data_prep.wording import counted
from tunesmith.remedies import remedy_in_words

Level: TypeAlias = Literal["green", "yellow", "red"]
"""Green: no problem. Yellow: a search runs, but not as well as it could. Red: a search fails."""

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True)
class Finding:
    """A line of the report.

    Attributes:
        check: Name of the check.
        level: Severity.
        text: Description of the finding.
        where: The node or nodes; empty for this machine.
        remedy: How to fix the problem; required unless the level is green.
    """

    check: str
    level: Level
    text: str
    where: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        """Check that every problem has a remedy."""
        assert self.level == "green" or self.remedy, f"{self.text} has no remedy"


def refused(check: str, error: BadInputError, *, where: str = "", level: Level = "red", remedy: str = "") -> Finding:
    """Convert an error to a finding; ``remedy`` is used if the error has none."""
    remedy = remedy_in_words(error) or remedy or "fix the problem, then run the same command again"
    return Finding(check, level, error.problem, where, remedy)


def guarded(check: str, run: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Run a check, and convert an error that it raises to a finding."""
    try:
        yield from run()
    except BadInputError as error:
        yield refused(check, error)
    except Exception as error:  # noqa: BLE001  (the remaining checks still run)
        text = f"the check failed: {type(error).__name__}: {one_line(error)}"
        remedy = "fix the problem in the message; if you cannot find its cause, report it as a bug of tunesmith"
        yield Finding(check, "red", text, remedy=remedy)


def judged(
    check: str,
    answers: Mapping[Node, AnswerT],
    complaints: Callable[[Node, AnswerT], Iterable[Finding]],
    summary: Callable[[list[AnswerT]], str],
) -> Iterator[Finding]:
    """Report each problem of a node, and all nodes without problems in one line.

    Args:
        check: Name of the check.
        answers: The answer of each node.
        complaints: Returns the problems of a node.
        summary: Describes the answers of the nodes without problems.

    Yields:
        The problems, then a green line for the other nodes.
    """
    fine: dict[Node, AnswerT] = {}
    for node, answer in answers.items():
        problems = list(complaints(node, answer))
        yield from problems
        if not problems:
            fine[node] = answer
    if fine:
        yield Finding(check, "green", summary(list(fine.values())), named(fine, len(answers)))


def named(nodes: Collection[Node], num_all: int) -> str:
    """Return the address of a single node, or the number of several nodes."""
    if len(nodes) == 1:
        return str(next(iter(nodes)))
    return f"all {counted(num_all, 'node')}" if len(nodes) == num_all else f"{len(nodes)} of {counted(num_all, 'node')}"
