"""The trials of a search as plain values, read from its study."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from optuna.trial import FrozenTrial, TrialState

from data_prep.errors import Action, BadInputError
from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.spec.file import SearchSpec
from search.spec.sections import Budget
from search.spec.space import Space
from search.study.lease import Driver
from search.study.states import FINAL_STATES, StateName

EPOCH_KEY: Final = "epoch:"
"""Prefix of the trial attributes with an epoch's metrics on the folds."""

REASON_KEY: Final = "reason"
"""The trial attribute with the reason of a failure, or of a stop on request."""

CONFIRMS_KEY: Final = "confirms"
"""The trial attribute with the number of the trial whose hyperparameters it repeats with another seed."""

REQUEST_KEY: Final = "request"
"""The trial attribute with the name of the request that queued its point."""

WARM_START_KEY: Final = "warm_start"
"""The study attribute with the points that a search took from other searches at its first start."""


@dataclass(frozen=True)
class TakenPoint:
    """A point that a search took from another search.

    Attributes:
        trial: The trial that it is from, such as "composer/7".
        values: Values of settings that the search samples; the others are sampled.
    """

    trial: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class TakenPoints:
    """The points that a search took from other searches at its first start.

    Attributes:
        searches: The other searches.
        points: The points, in the order in which they are tried.
    """

    searches: tuple[str, ...]
    points: tuple[TakenPoint, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return plain values, which JSON can represent."""
        points = [{"trial": point.trial, "values": dict(point.values)} for point in self.points]
        return {"searches": list(self.searches), "points": points}

    @classmethod
    def of_study(cls, attributes: Mapping[str, Any]) -> "TakenPoints":
        """Return those in the attributes of a study, none if it took none."""
        stored = attributes.get(WARM_START_KEY, {"searches": (), "points": ()})
        points = tuple(TakenPoint(point["trial"], point["values"]) for point in stored["points"])
        return cls(tuple(stored["searches"]), points)


GAIN_KEY: Final = "expected_gain"
"""The study attribute with the newest :class:`ExpectedGain`."""

_ENOUGH_BELOW = 3
"""Estimates below the standard error in a row with which a search has converged: one or two may be chance."""


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a trial.

    Attributes:
        report: The report.
        at: When it was recorded (milliseconds since 1970).
    """

    report: EpochReport
    at: int


@dataclass(frozen=True)
class TrialRecord:
    """One trial of a study.

    Attributes:
        number: Its number in the search.
        state: Its state.
        values: The hyperparameters that matter, including fixed ones.
        epochs: Its epochs, ascending.
        started: When it was last started.
        ended: When it finished, None before.
        reason: Why it failed, or that it was stopped on request; empty otherwise.
        confirms: The number of the trial whose hyperparameters it repeats with another seed, None for its own.
    """

    number: int
    state: StateName
    values: Mapping[str, Value]
    epochs: tuple[EpochRecord, ...]
    started: datetime | None
    ended: datetime | None
    reason: str
    confirms: int | None = None

    def last(self, metric: str) -> FoldValues | None:
        """Return a metric on the folds after the last epoch; None if no epoch reported it."""
        return self.epochs[-1].report.metrics.get(metric) if self.epochs else None

    @property
    def epochs_of_all(self) -> tuple[EpochRecord, ...]:
        """Its epochs without those in which only the first folds were trained (``folds_first``)."""
        return tuple(each for each in self.epochs if each.report.num_folds == self.epochs[-1].report.num_folds)

    @property
    def is_final(self) -> bool:
        """Whether the state of the trial is final."""
        return self.state in FINAL_STATES

    @property
    def seconds(self) -> float:
        """Total time of its epochs."""
        return sum(epoch.report.seconds for epoch in self.epochs)

    @property
    def seconds_per_epoch(self) -> float:
        """Mean time of its epochs, NaN if there are none."""
        return self.seconds / len(self.epochs) if self.epochs else math.nan


@dataclass(frozen=True)
class ExpectedGain:
    """What a search is expected to gain by further trials, as last estimated.

    Attributes:
        gain: The expected gain of the next 20 trials, in the objective's unit.
        standard_error: The standard error over the folds of the best trial.
        finished: Number of finished trials at that time.
        trials: Number of trials in the budget at that time.
        below: How many estimates in a row, up to this one, were below the standard error.
    """

    gain: float
    standard_error: float
    finished: int
    trials: int
    below: int

    @classmethod
    def after(
        cls, before: "ExpectedGain | None", gain: float, standard_error: float, finished: int, trials: int
    ) -> "ExpectedGain":
        """Return an estimate with the number of those in a row that were below; a raised budget resets it."""
        below = before.below if before is not None and trials <= before.trials else 0
        return cls(gain, standard_error, finished, trials, below + 1 if gain < standard_error else 0)

    def ends(self, budget: Budget) -> bool:
        """Return whether a search with a budget has converged; it has not if the budget was raised since."""
        return budget.stop == "converged" and self.below >= _ENOUGH_BELOW and budget.trials <= self.trials


@dataclass(frozen=True)
class SearchRecord:
    """The content of a search's study.

    Attributes:
        spec: The search, as last started.
        trials: Its trials, by number, without queued points that were never started.
        fingerprint: The data's fingerprint.
        seconds: Time spent on the search over all starts.
        study: The unique id of its study.
        driver: The process that runs or promotes it, None if there is none.
        expected_gain: What its further trials are expected to gain, None if that was not estimated.
        warm_points: The points that it took from other searches.
    """

    spec: SearchSpec
    trials: tuple[TrialRecord, ...]
    fingerprint: str
    seconds: float
    study: str
    driver: Driver | None = None
    expected_gain: ExpectedGain | None = None
    warm_points: tuple[Mapping[str, Value], ...] = ()

    def is_over(self, budget: Budget) -> bool:
        """Return whether a budget is used up, or the search has converged and no trial waits to resume."""
        num_finished = sum(trial.is_final for trial in self.trials)
        all_ended = num_finished == len(self.trials)
        converged = self.expected_gain is not None and self.expected_gain.ends(budget) and all_ended
        return converged or budget.used(num_finished, self.seconds) is not None

    def trial(self, number: int) -> TrialRecord:
        """Return a trial.

        Args:
            number: The trial's number.

        Returns:
            The trial's record.

        Raises:
            BadInputError: If no trial has that number.
        """
        for trial in self.trials:
            if trial.number == number:
                return trial
        raise BadInputError(
            f"no trial of {self.spec.name} has the number {number}",
            f"it has {len(self.trials)}",
            remedy="list them",
            action=Action("list trials", {"search": self.spec.name}),
        )


def read_gain(attributes: Mapping[str, Any]) -> ExpectedGain | None:
    """Read the expected gain from a study's attributes."""
    stored = attributes.get(GAIN_KEY)
    return None if stored is None else ExpectedGain(**stored)


def begun(trial: FrozenTrial) -> bool:
    """Return whether a trial was ever started, unlike a queued point."""
    return trial.state != TrialState.WAITING or trial.datetime_start is not None


def make_records(
    trials: list[FrozenTrial], space: Space, *, is_run: bool = True, in_pieces: bool = False
) -> list[TrialRecord]:
    """Convert Optuna trials to records, without those that were never started.

    Args:
        trials: The trials.
        space: The space of their search.
        is_run: Whether a process runs the search; otherwise a running trial was interrupted.
        in_pieces: Whether attributes and values were read by separate queries, between which the driver may have
            written new epochs of a running trial; these are left out.

    Returns:
        The records.
    """
    records = [make_record(trial, space, in_pieces=in_pieces) for trial in trials if begun(trial)]
    return [
        replace(record, state="WAITING") if record.state == "RUNNING" and not is_run else record for record in records
    ]


def make_record(trial: FrozenTrial, space: Space, *, in_pieces: bool = False) -> TrialRecord:
    """Convert an Optuna trial to a record; ``in_pieces`` is that of :func:`make_records`."""
    attributes, steps = trial.user_attrs, sorted(trial.intermediate_values)
    if in_pieces and trial.state == TrialState.RUNNING:
        while steps and f"{EPOCH_KEY}{steps[-1]}" not in attributes:
            steps.pop()
    return TrialRecord(
        number=trial.number,
        state=trial.state.name,
        values=space.values(trial.params),
        epochs=tuple(_epoch(step, attributes.get(f"{EPOCH_KEY}{step}")) for step in steps),
        started=trial.datetime_start,
        ended=trial.datetime_complete,
        reason=str(attributes.get(REASON_KEY, "")),
        confirms=attributes.get(CONFIRMS_KEY),
    )


def _epoch(step: int, stored: Mapping[str, Any] | None) -> EpochRecord:
    assert stored is not None
    report = EpochReport.from_plain({"epoch": step, **stored})
    assert all(math.isfinite(value) for values in report.metrics.values() for value in values.values)
    return EpochRecord(report, stored["at"])
