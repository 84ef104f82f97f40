"""One trial: train, save and report, without Ray, so that it works the same alone."""

from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError
from models.family import EpochReport, Family, Training
from models.spec import Spec
from models.uses.offers import JoiningFamily
from search.trials.files import TrialFiles

if TYPE_CHECKING:
    from models.training.checkpoint import Checkpoint

_LARGEST = 1e300
"""Values above may overflow in means over folds."""

_BACKEND = "backend"
"""The key of a checkpoint with the name of the backend that computed it; without the key it is the reference."""

_FIRST_FOLDS = "first_folds"
"""The key of a checkpoint with the argument of that name; without the key, all folds were trained from the start."""

_REPORT = "report"
"""The key of a checkpoint with the report of its epoch, which follows the checkpoint."""


class TrialDivergedError(BadInputError):
    """A trial's loss is not finite; continuing or retrying would not help."""


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
    snapshots: Collection[int] = (),
    first_folds: tuple[int, int] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Train all folds up to the full budget, from the checkpoint of an earlier attempt if there is one.

    The reports depend only on (seed, number, spec, data, backend), with or without Ray and interruptions. A checkpoint
    of another backend or with other ``first_folds`` is not used, so that no trial mixes two.

    Args:
        family: The model family.
        spec: The hyperparameters.
        data: The prepared data of the family's kind, read-only.
        report: Called once per epoch, after the epoch's checkpoint if there is one; it may raise to end the trial. A
            trial that resumes from a checkpoint repeats the report of its epoch, which may have been lost.
        seed: The search's seed.
        number: The trial's number; with the seed it determines all random streams.
        files: Where to save checkpoints, and the trained model before the last report; None saves nothing.
        device: "cpu" or "cuda".
        save_after: The epochs after which a checkpoint is saved.
        snapshots: The epochs after which the model is kept, with all folds.
        first_folds: Number of folds that are trained first, and the epoch after which the others join; None for all
            from the start. The family is a ``JoiningFamily``, and there are more folds, or the folds are all trained.
        say: Called with a message for the user about checkpoints that are damaged or of another backend: the trial
            resumes from an earlier one, or starts over.

    Raises:
        TrialDivergedError: At the first epoch with a metric that is not finite; that epoch is not reported.
    """
    from models.folded.backends import chosen  # imports torch

    training = _start(family, spec, data, first_folds, {"seed": seed, "trial": number, "device": device})
    backend = chosen(device).name
    identity = {"seed": seed, "trial": number, _BACKEND: backend}
    extra = {**identity, _FIRST_FOLDS: first_folds and list(first_folds)}
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
            state_extra = {**extra, _REPORT: epoch_report.to_plain()}
            files.save_state(number, epoch_report.epoch, training.state(), spec, state_extra)
        if files is not None and epoch_report.epoch in {*snapshots, epochs}:
            inputs = {"family": family.name, "fingerprint": data.fingerprint}
            model = (training.weights(), spec, {**identity, **inputs, "vocabulary": training.vocabulary})
            if epoch_report.epoch == epochs:
                files.save_model(number, *model)
            else:
                files.save_snapshot(number, epoch_report.epoch, *model)
        report(epoch_report)


def _start(
    family: Family[Any, Any], spec: Spec, data: Any, first_folds: tuple[int, int] | None, names: Mapping[str, Any]
) -> Training:
    if first_folds is None or first_folds[0] >= data.num_folds:
        return family.start(spec, data, **names)
    assert isinstance(family, JoiningFamily)
    first, until = first_folds
    return family.start_folds(spec, data, **names, first=first, until=until)


def _newest(
    files: TrialFiles, number: int, extra: Mapping[str, Any], spec: Spec, say: Callable[[str], None]
) -> "Checkpoint | None":
    """Return a trial's newest checkpoint that can be read and has the same inputs."""
    newest, damaged, foreign = None, list[str](), set[str]()
    for name in files.states_of(number):
        saved = files.load_state(name)
        if saved is None:
            damaged.append(f"{files.place.label}/{name}")
            continue
        found = {_BACKEND: "reference", _FIRST_FOLDS: None, **saved.extra}
        different = {key for key, value in extra.items() if found.get(key) != value}
        if not different and spec.equals_stored(saved.spec):
            newest = saved
            break
        if different == {_BACKEND}:
            foreign.add(str(found[_BACKEND]))
    reasons = [f"{' and '.join(damaged)} cannot be read: damaged or cut short"] if damaged else []
    if foreign:
        reasons.append(f"its checkpoints are of the backend {' and '.join(foreign)}, not {extra[_BACKEND]}")
    if reasons:
        begins = "starts over" if newest is None else f"resumes from its checkpoint of epoch {_epoch(newest)}"
        say(f"{'; '.join(reasons)}; trial {number} {begins}")
    return newest


def _epoch(saved: "Checkpoint") -> str:
    report = saved.extra.get(_REPORT)
    return str(report["epoch"]) if report else "an earlier version"
