"""The error that bad input raises, as its parts: the rule, the value, where it was found, and the remedy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, TypeAlias

_LONGEST = 100
"""Characters of a value that an error shows."""

ActionName: TypeAlias = Literal[
    "resume search",
    "raise budget",
    "remove time limit",
    "list trials",
    "repeat trial",
    "rename search",
    "choose home",
    "use home",
    "replace files",
    "promote",
    "promote by force",
    "repeat promotion",
    "list models",
    "score seen pieces",
    "follow job",
    "stop job",
    "show cluster",
    "write launch file",
    "choose address",
    "start cluster",
    "submit search",
    "submit search to home",
]
"""What an error can tell a user to do with the program. Only the command line knows which command or option does it."""


@dataclass(frozen=True)
class Action:
    """Something to do with the program, as data.

    Attributes:
        name: What to do.
        values: What it needs, by name ("search", "trials").
    """

    name: ActionName
    values: Mapping[str, object] = field(default_factory=dict[str, object])


class BadInputError(ValueError):
    """Raised for input that cannot be used.

    ``str`` joins the parts in one line: "rule: value (where); remedy". The command line prints that line without a
    traceback, adds the command that does the action, and exits with status 2.

    Attributes:
        rule: What the input has to satisfy.
        value: The value itself.
        where: Where it was found (file, key, piece).
        remedy: What to do about it.
        action: What to do with the program, where the remedy is a command or an option.
    """

    def __init__(
        self, rule: str, value: str = "", where: str = "", remedy: str = "", action: Action | None = None
    ) -> None:
        """Keep the parts."""
        super().__init__(rule, value, where, remedy, action)  # so that it can be pickled
        self.rule, self.value, self.where, self.remedy, self.action = rule, value, where, remedy, action

    @property
    def problem(self) -> str:
        """The line without the remedy."""
        value = f": {self.value}" if self.value else ""
        where = f" ({self.where})" if self.where else ""
        return f"{self.rule}{value}{where}"

    def __str__(self) -> str:
        """Return the whole line."""
        return f"{self.problem}; {self.remedy}" if self.remedy else self.problem


def unknown(kind: str, value: str, known: Iterable[str], where: str = "") -> BadInputError:
    """Return the error for a name that is not among the known ones, with the nearest right name.

    Args:
        kind: What the name names, in the singular ("corpus", "setting").
        value: The name that was given.
        known: The names that exist.
        where: Where the name was given ("my-search.toml line 4"), or "".

    Returns:
        The error, to be raised by the caller.
    """
    names = sorted(known)
    near = get_close_matches(value[:_LONGEST], names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
    return BadInputError(f"no {kind} is called {shown(value)}", where=where, remedy=hint)


def shown(value: object) -> str:
    """Return a value as errors show it: in Python's notation, cut where it is long.

    Args:
        value: What a user gave.

    Returns:
        At most about a hundred characters.
    """
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # Python's own limits, as on the digits of a number
        return f"{type(value).__name__} too large to be shown"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"


def one_line(error: BaseException, longest: int = 300) -> str:
    """Return the first line of an exception's message, or the name of its type if it has none.

    Args:
        error: Any exception.
        longest: Characters after which the line is cut.

    Returns:
        The line.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0][:longest]
