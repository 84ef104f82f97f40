"""A trial of a search cut to a few epochs: what the doctor has every kind of node train."""

from dataclasses import dataclass
from typing import Any

from models.family import EpochReport, Family
from models.spec import Spec
from search.trials.training import train_trial


@dataclass(frozen=True)
class ShortTrial:
    """What is trained.

    Attributes:
        family: The family.
        spec: Its settings, with few epochs.
        seed: The search's seed.
        threads: Processors of the trial.
        device: "cpu" or "cuda".
    """

    family: Family[Any, Any]
    spec: Spec
    seed: int
    threads: int
    device: str


def train_short(trial: ShortTrial, data: Any) -> tuple[EpochReport, ...]:
    """Train it where this is called, and save nothing.

    Args:
        trial: What is trained.
        data: The prepared data.

    Returns:
        Its epochs.
    """
    from models.training.device import use_threads  # noqa: PLC0415  (it imports torch)

    use_threads(trial.threads)
    reports: list[EpochReport] = []
    train_trial(
        trial.family,
        trial.spec,
        data,
        reports.append,
        seed=trial.seed,
        number=0,
        files=None,
        device=trial.device,
    )
    return tuple(reports)
