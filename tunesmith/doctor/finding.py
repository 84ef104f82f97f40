"""What a check of the doctor comes to, and how a check that fails itself becomes one."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from cluster.nodes import Node
from data_prep.errors import BadInputError
from data_prep.wording import counted

Level: TypeAlias = Literal["green", "yellow", "red"]
"""Well; a search runs, but not as it could; a search fails."""

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        check: What was looked at, in a word or two.
        level: How it stands.
        text: What was found.
        where: The node or nodes; empty for this machine.
        remedy: What to do; only a green one has none.
    """

    check: str
    level: Level
    text: str
    where: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        """Hold every complaint to its remedy."""
        assert self.level == "green" or self.remedy, f"{self.text} has no remedy"


def refused(check: str, error: BadInputError, *, where: str = "", level: Level = "red", remedy: str = "") -> Finding:
    """Turn a refusal, which says its remedy behind a semicolon, into a finding.

    Args:
        check: What was looked at.
        error: The refusal.
        where: The node.
        level: How bad it is.
        remedy: What to do where the refusal does not say it.

    Returns:
        The finding.
    """
    text, _, told = str(error).partition("; ")
    return Finding(check, level, text, where, told or remedy or "see to that and run the same command again")


def guarded(check: str, examine: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Run a check; one that is refused, or breaks, is a finding itself.

    Args:
        check: What is looked at.
        examine: The check.

    Yields:
        Its findings.
    """
    try:
        yield from examine()
    except BadInputError as error:
        yield refused(check, error)
    except Exception as error:  # noqa: BLE001  (the doctor goes on whatever breaks)
        reason = " ".join(str(error).split())[:300]
        yield Finding(
            check,
            "red",
            f"this could not be checked: {type(error).__name__}: {reason}",
            remedy="see to what it names; where it names nothing of yours, it is a defect of tunesmith: report it",
        )


def judged(
    check: str,
    answers: Mapping[Node, AnswerT],
    judge: Callable[[Node, AnswerT], Iterable[Finding]],
    well: Callable[[list[AnswerT]], str],
) -> Iterator[Finding]:
    """Judge node by node, and say in one line what all have in common that are well.

    Args:
        check: What is looked at.
        answers: What each node said.
        judge: Gives the complaints about one.
        well: Says what holds for those without.

    Yields:
        The complaints, then one green line for the rest.
    """
    good: dict[Node, AnswerT] = {}
    for node, answer in answers.items():
        complaints = list(judge(node, answer))
        yield from complaints
        if not complaints:
            good[node] = answer
    if good:
        yield Finding(check, "green", well(list(good.values())), named(good, len(answers)))


def named(nodes: Iterable[Node], num_all: int) -> str:
    """Name some nodes: one by its address, several by their number."""
    some = list(nodes)
    if len(some) == 1:
        return str(some[0])
    return f"all {counted(num_all, 'node')}" if len(some) == num_all else f"{len(some)} of {counted(num_all, 'node')}"
