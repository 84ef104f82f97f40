"""A trial with few epochs, which the doctor trains on every kind of node."""

from dataclasses import dataclass
from typing import Any

from models.family import EpochReport, Family
from models.folded.request import BackendName, use
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
        backend: The requested backend.
    """

    family: Family[Any, Any]
    spec: Spec
    seed: int
    threads: int
    device: str
    backend: BackendName


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
    use(trial.backend)
    reports: list[EpochReport] = []
    train_trial(
        trial.family, trial.spec, data, reports.append, seed=trial.seed, number=0, files=None, device=trial.device
    )
    return tuple(reports)
