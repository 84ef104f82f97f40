"""A trial's settings trained once more, on all open pieces: the model that is put forward."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_prep.prepared.refitting import for_refit
from models.family import EpochReport, Family
from models.spec import Spec
from search.trials.training import TrialDivergedError


def refit(  # noqa: PLR0913  (all that a refit depends on, named)
    family: Family[Any, Any],
    spec: Spec,
    data: Any,
    path: Path,
    *,
    seed: int,
    trial: int,
    epochs: int,
    networks: int,
    fingerprint: str,
    device: str,
    report: Callable[[EpochReport], None],
) -> None:
    """Train on every open piece and keep the model; a model that is there already, of the same inputs, is kept.

    The schedule runs as in the search, toward the full budget, and training stops where the folds were best.

    Args:
        family: The kind of model.
        spec: The trial's settings.
        data: The open pieces with their folds.
        path: Where the model is put, in the format of ``models.training.checkpoint``.
        seed: The search's seed.
        trial: The trial's number.
        epochs: The epoch to stop after, at most the budget.
        networks: How many networks are trained side by side; the model is their mean.
        fingerprint: Of the data.
        device: "cpu" or "cuda".
        report: Called once an epoch.

    Raises:
        TrialDivergedError: If the loss is no finite number any more.
    """
    from models.training import checkpoint  # noqa: PLC0415  (it imports torch, which only a refit waits for)

    made_of = {"seed": seed, "trial": trial, "family": family.name, "epochs": epochs, "fingerprint": fingerprint}
    made_of["networks"] = networks
    if path.exists():
        there = checkpoint.load(path)
        if spec.equals_stored(there.spec) and made_of.items() <= there.extra.items():
            return
    training = family.start(spec, for_refit(data, networks), seed=seed, trial=trial, device=device)
    for epoch_report in training.epochs():
        if not all(values.is_finite for values in epoch_report.metrics.values()):
            raise TrialDivergedError(f"the refit diverged at epoch {epoch_report.epoch}: promote another trial")
        report(epoch_report)
        if epoch_report.epoch == epochs:
            break
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(
        path,
        training.weights(),
        spec,
        {**made_of, "parameters": networks * training.num_parameters, "vocabulary": training.vocabulary},
    )


def num_parameters(family: Family[Any, Any], spec: Spec, data: Any, *, seed: int, trial: int) -> int:
    """Give the size of one fold's model under some settings."""
    return family.start(spec, data, seed=seed, trial=trial, device="cpu").num_parameters
