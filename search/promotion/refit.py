"""Train the model to promote: a trial's hyperparameters, refitted on all open pieces."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data_prep.prepared.refitting import for_refit
from models.family import EpochReport, Family
from models.spec import Spec
from models.training import checkpoint
from search.trials.training import TrialDivergedError


@dataclass(frozen=True)
class RefitInputs:
    """The inputs of a refit except hyperparameters and data; the model's file stores them under these names.

    Attributes:
        seed: The search's seed.
        trial: The trial's number.
        family: The family's name.
        epochs: The epoch to stop after, at most the budget.
        fingerprint: The data's fingerprint.
        networks: Number of networks trained side by side; the model is their mean.
    """

    seed: int
    trial: int
    family: str
    epochs: int
    fingerprint: str
    networks: int


def refit(
    family: Family[Any, Any],
    spec: Spec,
    data: Any,
    path: Path,
    inputs: RefitInputs,
    device: str,
    report: Callable[[EpochReport], None],
) -> None:
    """Train on all open pieces and save the model, unless a model with the same inputs is saved.

    The schedule is that of the full budget, as in the search; training stops at the epoch that was best on the folds.

    Args:
        family: The model family.
        spec: The trial's hyperparameters.
        data: The open pieces with their folds.
        path: Where the model is saved, in the format of ``models.training.checkpoint``.
        inputs: The other inputs of the model.
        device: "cpu" or "cuda".
        report: Called after each epoch.

    Raises:
        TrialDivergedError: If the loss is no longer finite.
    """
    stored = asdict(inputs)
    if path.exists():
        saved = checkpoint.load(path)
        if spec.equals_stored(saved.spec) and stored.items() <= saved.extra.items():
            return
    training = family.start(spec, for_refit(data, inputs.networks), seed=inputs.seed, trial=inputs.trial, device=device)
    for epoch_report in training.epochs():
        if not all(values.is_finite for values in epoch_report.metrics.values()):
            raise TrialDivergedError(
                "the loss of a refit must stay finite",
                f"it diverged at epoch {epoch_report.epoch}",
                remedy="promote another trial",
            )
        report(epoch_report)
        if epoch_report.epoch == inputs.epochs:
            break
    path.parent.mkdir(parents=True, exist_ok=True)
    stored |= {"parameters": inputs.networks * training.num_parameters, "vocabulary": training.vocabulary}
    checkpoint.save(path, training.weights(), spec, stored)
