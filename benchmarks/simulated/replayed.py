"""A family whose trials replay the nearest recorded trial in a real worker: they report its curve, and sleep."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import optuna
from overhead import EmptyFamily, EmptyTraining

from models.composer.spec import ComposerSpec
from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.spec.file import SearchSpec, parse
from simulated.recording import Recording

FOLDS = 4

_SEARCH = """
name = "simulated"
[budget]
trials = {trials}
epochs = {epochs}
time = "none"
[scheduler]
first_rung = {first_rung}
reduction = 2
"""


def search_of(trials: int, *, points: int | None = None, epochs: int = 8, first_rung: int = 1) -> SearchSpec:
    """Make the built-in search of the composer with rungs after 1, 2 and 4 epochs, and other points to start with.

    Args:
        trials: Number of trials.
        points: A seed by which all of them are drawn beforehand, so that two searches have the same; None leaves them
            to the sampler, and keeps no known good points, for it is to find them.
        epochs: Epochs of a full trial.
        first_rung: The first rung; there is none where it is the full budget.

    Returns:
        The search.
    """
    search = parse(
        _SEARCH.format(trials=trials, epochs=epochs, first_rung=first_rung), "simulated", family=EmptyFamily()
    )
    prior = list[Mapping[str, Value]]()
    if points is not None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(points))
        for _ in range(trials):
            trial = study.ask()
            search.space(trial)
            prior.append(trial.params)
    return search.model_copy(update={"prior": tuple(prior)})


def report_of(epoch: int, objective: float, seconds: float) -> EpochReport:
    """Make a report with the composer's metrics on as many folds."""
    values = FoldValues(tuple(objective + 0.01 * (fold - (FOLDS - 1) / 2) for fold in range(FOLDS)))
    return EpochReport(epoch, dict.fromkeys(("nats_per_note", "cv_loss", "train_loss"), values), seconds)


class ReplayedTraining(EmptyTraining):
    """Sleeps as long as the recorded epochs lasted, and reports their values."""

    def __init__(self, spec: ComposerSpec, trial: int, recording: Recording) -> None:
        """Take the settings."""
        super().__init__(spec, trial)
        values = spec.model_dump()
        self._objective = recording.objective(values, trial)[: spec.epochs]
        self._seconds = recording.seconds(values, trial)[: spec.epochs]

    def epochs(self) -> Iterator[EpochReport]:
        """Report each epoch when its time is over."""
        for epoch, (objective, seconds) in enumerate(zip(self._objective, self._seconds, strict=True), start=1):
            time.sleep(seconds)
            yield report_of(epoch, objective, seconds)


@dataclass(frozen=True)
class ReplayedFamily(EmptyFamily):
    """The composer's settings with recorded trials."""

    def start(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, spec: ComposerSpec, data: Recording, *, seed: int, trial: int, device: str
    ) -> ReplayedTraining:
        """Start a trial."""
        del seed, device
        return ReplayedTraining(spec, trial, data)
