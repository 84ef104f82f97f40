"""One trial: plain Python that trains, saves and reports, the same under Ray as alone."""

from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError
from models.family import EpochReport, Family
from models.spec import Spec
from search.trials.files import TrialFiles

if TYPE_CHECKING:
    from models.training.checkpoint import Checkpoint

_LARGEST = 1e300
"""Above it, means over folds may overflow."""


_REPORT = "report"
"""The key under which a trial's state holds the report that was due when it was saved."""


class TrialDivergedError(BadInputError):
    """A trial's loss is not finite; to continue or to retry would change nothing."""


def train_trial(  # noqa: PLR0913  (all that a trial depends on, named)
    family: Family[Any, Any],
    spec: Spec,
    data: Any,
    report: Callable[[EpochReport], None],
    *,
    seed: int,
    number: int,
    files: TrialFiles | None,
    device: str,
    save_after: Collection[int] = (),
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Train all folds up to the full budget, from the checkpoint of an earlier attempt if there is one.

    The same (seed, number, spec, data) gives the same reports, under Ray or alone, interrupted or not.

    Args:
        family: The kind of model.
        spec: Its hyperparameters.
        data: The prepared data of the family's kind, read only.
        report: Called once an epoch, after that epoch's checkpoint if there is one; it may raise to end the trial. A
            trial that resumes from a checkpoint starts with the report that was due there: it may have been lost.
        seed: The search's seed.
        number: The trial's number; with the seed it determines all random streams.
        files: Where its checkpoints are saved, and its trained model before the last report; None saves nothing.
        device: "cpu" or "cuda".
        save_after: The epochs after which it saves a checkpoint.
        say: Called with a message for the user about a damaged checkpoint: the trial resumes from the one before it, or
            starts over.

    Raises:
        TrialDivergedError: At the first epoch with a metric that is no finite number; that epoch is not reported.
    """
    training = family.start(spec, data, seed=seed, trial=number, device=device)
    extra = {"seed": seed, "trial": number}
    epochs = spec.model_dump()["epochs"]
    saved = None if files is None else _newest(files, number, extra, spec, say)
    again: list[EpochReport] = []
    if saved is not None:
        training.restore(saved.training)
        again = [EpochReport.from_plain(saved.extra[_REPORT])] if _REPORT in saved.extra else []
    for epoch_report in chain(again, training.epochs()):
        for name, values in epoch_report.metrics.items():
            if not all(abs(value) < _LARGEST for value in values.values):
                rule = f"{name} is not finite at epoch {epoch_report.epoch}"
                raise TrialDivergedError(rule, "it diverged", remedy="try a lower lr")
        if files is not None and epoch_report.epoch in save_after:
            noted = {**extra, _REPORT: epoch_report.to_plain()}
            files.save_state(number, epoch_report.epoch, training.state(), spec, noted)
        if files is not None and epoch_report.epoch == epochs:
            made_of = {"family": family.name, "fingerprint": data.fingerprint}
            kept = {**extra, **made_of, "vocabulary": training.vocabulary}
            files.save_model(number, training.weights(), spec, kept)
        report(epoch_report)


def _newest(
    files: TrialFiles, number: int, extra: Mapping[str, Any], spec: Spec, say: Callable[[str], None]
) -> "Checkpoint | None":
    """Read a trial's newest checkpoint that is whole and belongs to this very trial."""
    whole, damaged = None, list[str]()
    for name in files.states_of(number):
        saved = files.load_state(name)
        if saved is None:
            damaged.append(f"{files.place.label}/{name}")
        elif extra.items() <= saved.extra.items() and spec.equals_stored(saved.spec):
            whole = saved
            break
    if damaged:
        begins = "starts over" if whole is None else f"resumes from its checkpoint of epoch {_epoch(whole)}"
        say(f"{' and '.join(damaged)} cannot be read: damaged or cut short; trial {number} {begins}")
    return whole


def _epoch(saved: "Checkpoint") -> str:
    report = saved.extra.get(_REPORT)
    return str(report["epoch"]) if report else "an earlier version"
