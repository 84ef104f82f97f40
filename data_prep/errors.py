"""The exception for bad input, stored as its parts: rule, value, location and remedy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import accumulate
from typing import Literal, TypeAlias

_LONGEST = 100
"""Characters of a value that an error message shows."""

_LONGEST_LIST = 320
"""Characters of a list of names that an error message shows."""

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
    "roll back",
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
"""Actions that an error can suggest. Only the command line maps them to commands and options."""


@dataclass(frozen=True)
class Action:
    """An action that an error suggests.

    Attributes:
        name: The action.
        values: Its parameters by name ("search", "trials").
    """

    name: ActionName
    values: Mapping[str, object] = field(default_factory=dict[str, object])


class BadInputError(ValueError):
    """Raised for input that cannot be used.

    ``str`` joins the parts in one line: "rule: value (where); remedy". The command line prints that line without a
    traceback, adds the command for the action, and exits with status 2.

    Attributes:
        rule: The requirement that the input violates.
        value: The invalid value.
        where: Its location (file, key, piece).
        remedy: How to fix the input.
        action: The suggested action, where the remedy is a command or an option.
    """

    def __init__(
        self, rule: str, value: str = "", where: str = "", remedy: str = "", action: Action | None = None
    ) -> None:
        """Store the parts."""
        super().__init__(rule, value, where, remedy, action)  # so that it can be pickled
        self.rule, self.value, self.where, self.remedy, self.action = rule, value, where, remedy, action

    @property
    def problem(self) -> str:
        """The message without the remedy."""
        value = f": {self.value}" if self.value else ""
        where = f" ({self.where})" if self.where else ""
        return f"{self.rule}{value}{where}"

    def __str__(self) -> str:
        """Return the complete message."""
        return f"{self.problem}; {self.remedy}" if self.remedy else self.problem


def unknown(kind: str, value: str, known: Iterable[str], where: str = "") -> BadInputError:
    """Return the error for an unknown name, with the closest known name as a hint.

    Args:
        kind: The kind of thing that has the name, in the singular ("corpus", "setting").
        value: The unknown name.
        known: The names that exist.
        where: The location of the name ("my-search.toml line 4"), or "".

    Returns:
        The error, to be raised by the caller.
    """
    names = sorted(known)
    near = get_close_matches(value[:_LONGEST], names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {_listed(names)}"
    return BadInputError(f"no {kind} is called {shown(value)}", where=where, remedy=hint)


def _listed(names: Sequence[str]) -> str:
    """Return names with commas, as many as fit into a line that can still be read."""
    ends = list(accumulate(len(name) + len(", ") for name in names))
    num_listed = sum(end <= _LONGEST_LIST for end in ends)
    rest = len(names) - num_listed
    return ", ".join([*names[:num_listed], *([f"and {rest} more"] if rest else [])])


def shown(value: object) -> str:
    """Return the repr of a value for an error message, truncated if it is long.

    Args:
        value: A user's input.

    Returns:
        At most about a hundred characters.
    """
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # Python limits nesting, and the digits of a number
        return f"{type(value).__name__} too large to be shown"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"


def one_line(error: BaseException, longest: int = 300) -> str:
    """Return the first line of an exception's message, or the name of its type if it has none.

    Args:
        error: Any exception.
        longest: Number of characters after which the line is truncated.

    Returns:
        The line.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0][:longest]
