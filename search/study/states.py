"""The states of a trial, as in Optuna, and which of them are final."""

from typing import Final, Literal, TypeAlias

StateName: TypeAlias = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"]
"""A trial's state.

A WAITING trial was interrupted and resumes at the next start. A COMPLETE trial trained to its full budget, a PRUNED
trial was stopped early by the scheduler or on request, and a trial with state FAIL diverged or raised an error.
"""

FINAL_STATES: Final[tuple[StateName, ...]] = ("COMPLETE", "PRUNED", "FAIL")
"""The states that a trial never leaves."""
