"""One trial: plain Python that trains, saves and reports, the same under Ray as alone."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from models.family import EpochReport, Family
from models.spec import Spec

_LARGEST = 1e300
"""Beyond it, means over folds may overflow."""


class TrialDivergedError(ArithmeticError):
    """A trial's loss is no finite number any more; going on, or trying again, would change nothing."""


def train_trial(  # noqa: PLR0913  (all that a trial depends on, named)
    family: Family[Any, Any],
    spec: Spec,
    data: Any,
    report: Callable[[EpochReport], None],
    *,
    seed: int,
    number: int,
    checkpoints: Path | None,
    device: str,
    rungs: Collection[int] = (),
    model: Path | None = None,
) -> None:
    """Train all folds up to the full budget, or on from where an earlier attempt saved.

    The same (seed, number, spec, data) gives the same reports, whoever calls it, and whether or not it was interrupted.

    Args:
        family: The kind of model.
        spec: Its settings.
        data: The prepared data of the family's kind, read only.
        report: Called once an epoch, after that epoch's checkpoint if there is one; it may raise to end the trial.
        seed: The search's seed.
        number: The trial's number; with the seed it names all random streams.
        checkpoints: Folder of the search's checkpoints; None saves nothing.
        device: "cpu" or "cuda".
        rungs: The epochs after which it saves: where a scheduler may stop it.
        model: Where the trained model is put when the full budget is done, before the last report; None for nowhere.

    Raises:
        TrialDivergedError: At the first epoch with a metric that is no finite number; that epoch is not reported.
    """
    from models import checkpoint  # noqa: PLC0415  (it imports torch, which a driver has no use for)

    training = family.start(spec, data, seed=seed, trial=number, device=device)
    path = None if checkpoints is None else checkpoint_path(checkpoints, number)
    extra = {"seed": seed, "trial": number}
    epochs = spec.model_dump()["epochs"]
    if path is not None and path.exists():
        saved = checkpoint.load(path)
        if saved.extra == extra and saved.spec == spec.model_dump():  # not one that another search left behind
            training.restore(saved.training)
    for epoch_report in training.epochs():
        for name, values in epoch_report.metrics.items():
            if not all(abs(value) < _LARGEST for value in values.values):
                raise TrialDivergedError(f"{name} is not finite at epoch {epoch_report.epoch}: it diverged")
        if path is not None and epoch_report.epoch in rungs:
            path.parent.mkdir(parents=True, exist_ok=True)
            checkpoint.save(path, training.state(), spec, extra)
        if model is not None and epoch_report.epoch == epochs:
            model.parent.mkdir(parents=True, exist_ok=True)
            whole = {**extra, "family": family.name, "vocabulary": training.vocabulary}
            checkpoint.save(model, training.weights(), spec, whole)
        report(epoch_report)


def checkpoint_path(checkpoints: Path, number: int) -> Path:
    """Name the file that a trial's state is saved in."""
    return checkpoints / f"trial-{number:05d}.pt"


def model_path(checkpoints: Path, number: int) -> Path:
    """Name the file of a trained model, beside the folder of checkpoints."""
    return checkpoints.parent / "models" / f"trial-{number:05d}.pt"
