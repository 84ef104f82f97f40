"""How many trials fit on a machine or cluster at once, and what each gets: plain arithmetic."""

import math
from dataclasses import dataclass
from typing import Literal

from data_prep.errors import BadInputError

_TRIALS_PER_GPU = 4
"""Trials that share a GPU unless a user says otherwise: small models leave most of one idle, memory sets the limit."""


@dataclass(frozen=True)
class Slots:
    """Trials that run at once and what each of them gets.

    Attributes:
        count: Trials at once.
        cpus: Processors of each.
        gpus: GPUs of each, parts of one allowed.
    """

    count: int
    cpus: int
    gpus: float


def plan_slots(
    *, num_cpus: float, num_gpus: float, slots: int = 0, cpus: int = 1, gpus: float | Literal["auto"] = "auto"
) -> Slots:
    """Divide what is there among trials.

    Args:
        num_cpus: Processors that are there.
        num_gpus: GPUs that are there.
        slots: Trials wanted at once; 0 is as many as fit.
        cpus: Processors of each.
        gpus: GPUs of each; "auto" shares them, up to 4 trials on one, and is 0 where there is none.

    Returns:
        The plan.

    Raises:
        BadInputError: If not a single trial fits, or fewer than were asked for.
    """
    by_cpu = int(num_cpus // cpus)
    if gpus == "auto":
        most = math.floor(num_gpus) * _TRIALS_PER_GPU
        count = slots or (min(by_cpu, most) if most else by_cpu)
        gpus = _share(count, num_gpus) if count else 0.0
    fits = min(by_cpu, int(num_gpus / gpus + 1e-9)) if gpus else by_cpu
    if max(slots, 1) > fits:
        raise BadInputError(
            f"the slots must fit on what is there: {max(slots, 1)} of {cpus} CPUs and {gpus:g} GPUs "
            f"on {num_cpus:g} CPUs and {num_gpus:g} GPUs (resources)"
        )
    return Slots(slots or fits, cpus, gpus)


def _share(count: int, num_gpus: float) -> float:
    """Give each of ``count`` trials an equal part, such that whole trials fit on each GPU."""
    if not num_gpus:
        return 0.0
    if count <= num_gpus:
        return 1.0
    on_one = math.ceil(count / math.floor(num_gpus))
    return math.floor(1e4 / on_one) / 1e4  # Ray counts in ten-thousandths
