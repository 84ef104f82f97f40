"""The states of a trial, as in Optuna, and the error of a study whose database is away."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from data_prep.errors import BadInputError

StateName: TypeAlias = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"]
"""A trial's state.

A WAITING trial was interrupted and resumes at the next start. A COMPLETE trial trained to its full budget, a PRUNED
trial was stopped early by the scheduler or on request, and a trial with state FAIL diverged or raised an error.
"""

STATE_WORDS: Final[Mapping[StateName, str]] = {
    "COMPLETE": "done",
    "PRUNED": "stopped early",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "interrupted",
}
"""The states in the words of tables and pictures."""

FINAL_STATES: Final[tuple[StateName, ...]] = ("COMPLETE", "PRUNED", "FAIL")
"""The states that a trial never leaves."""


class DatabaseGoneError(BadInputError):
    """The database does not answer, or does not accept connections or writes at the moment.

    Attributes:
        reason: The database driver's reason, in one line.
    """

    def __init__(self, url: str, reason: str) -> None:
        """Initialize with the URL without its password, and the reason."""
        super().__init__("the study's database must be reachable", url, reason)
        self.reason = reason
