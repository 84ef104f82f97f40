"""A family whose trials replay the nearest recorded trial in a real worker: they sleep and report its curve."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import optuna
from overhead import EmptyFamily, EmptyTraining

from models.composer.spec import ComposerSpec
from models.family import EpochReport
from models.spec import Value
from search.spec.file import SearchSpec, parse
from simulated.recording import Recording

_SEARCH = """
name = "simulated"
[budget]
trials = {trials}
epochs = {epochs}
time = "none"
[scheduler]
first_rung = {first_rung}
reduction = 2
folds_first = 0
[confirmation]
best = 0
"""


def search_of(trials: int, *, points: int | None = None, epochs: int = 8, first_rung: int = 1) -> SearchSpec:
    """Return the composer's built-in search with rungs after 1, 2 and 4 epochs, as on GPUs, and other points.

    Args:
        trials: Number of trials.
        points: Seed with which the points of all trials are sampled in advance, so that two searches have the same
            points. With None, the sampler proposes all points; the known good initial points are left out.
        epochs: Epochs of a full trial.
        first_rung: Epochs before the first rung; no rung if equal to ``epochs``.

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


class ReplayedTraining(EmptyTraining):
    """Sleep as long as the recorded epochs lasted, and report their values."""

    def __init__(self, spec: ComposerSpec, trial: int, recording: Recording) -> None:
        """Look up the reports of the epochs."""
        super().__init__(spec, trial)
        self._reports = recording.reports(spec.model_dump(), trial)[: spec.epochs]

    def epochs(self) -> Iterator[EpochReport]:
        """Yield the report of each epoch after its length."""
        for report in self._reports:
            time.sleep(report.seconds)
            yield report


@dataclass(frozen=True)
class ReplayedFamily(EmptyFamily):
    """The composer's hyperparameters with recorded trials."""

    def start(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, spec: ComposerSpec, data: Recording, *, seed: int, trial: int, device: str
    ) -> ReplayedTraining:
        """Start the training of a trial."""
        del seed, device
        return ReplayedTraining(spec, trial, data)
