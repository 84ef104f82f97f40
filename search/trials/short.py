"""A trial with few epochs, which the doctor trains on every kind of node."""

from dataclasses import dataclass
from typing import Any

from models.family import EpochReport, Family
from models.spec import Spec
from search.trials.training import train_trial


@dataclass(frozen=True)
class ShortTrial:
    """A trial to train.

    Attributes:
        family: The family.
        spec: Its hyperparameters, with few epochs.
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
    """Train a short trial in this process without saving anything.

    Args:
        trial: The trial.
        data: The prepared data.

    Returns:
        The report of each epoch.
    """
    from models.training.device import use_threads

    use_threads(trial.threads)
    reports: list[EpochReport] = []
    train_trial(
        trial.family, trial.spec, data, reports.append, seed=trial.seed, number=0, files=None, device=trial.device
    )
    return tuple(reports)
