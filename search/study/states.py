"""A trial's states, as its study has them, and which of them are final."""

from typing import Final, Literal, TypeAlias

StateName: TypeAlias = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"]
"""A trial's state.

A WAITING trial was interrupted and resumes at the next start. A COMPLETE one trained to its full budget, a PRUNED one
was stopped early by the scheduler, and a FAIL diverged or broke.
"""

FINAL_STATES: Final[tuple[StateName, ...]] = ("COMPLETE", "PRUNED", "FAIL")
"""The states that a trial never leaves."""
