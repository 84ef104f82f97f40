"""A search's study for its only driver: records trials and sweeps interrupted ones.

A trial is RUNNING while it trains. After an interruption it is WAITING: Optuna proposes it again before new trials,
with its hyperparameters and reports. In the end it is COMPLETE, PRUNED or FAIL.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import optuna
from optuna.trial import TrialState

from models.family import EpochReport
from models.metrics import Metric
from models.spec import Value
from search.private_apis import study_id
from search.spec.sections import Budget
from search.spec.whole_search import SearchSpec
from search.study.lease import Lease
from search.study.records import (
    CONFIRMS_KEY,
    EPOCH_KEY,
    GAIN_KEY,
    REASON_KEY,
    REQUEST_KEY,
    ExpectedGain,
    TakenPoints,
    TrialRecord,
    begun,
    make_record,
    make_records,
    read_gain,
)
from search.study.states import FINAL_STATES, StateName


@dataclass(frozen=True)
class HeldStudy:
    """A study that this process holds as its driver.

    Attributes:
        study: Optuna's study.
        storage: The study's storage.
        lease: The lease on the search.
    """

    study: optuna.Study
    storage: optuna.storages.BaseStorage
    lease: Lease


def make_study(storage: optuna.storages.BaseStorage, name: str, objective: Metric) -> optuna.Study:
    """Create a study, or load it if it exists."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    direction = "minimize" if objective.direction == "minimise" else "maximize"
    return optuna.create_study(study_name=name, storage=storage, direction=direction, load_if_exists=True)


class Study:
    """A search's study, held by its only driver.

    Attributes:
        search: The search, whose budget may change while it runs.
        optuna: Optuna's study.
        storage: The study's storage.
        check_held: Raises StudyLostError if another driver has taken over the search.
    """

    def __init__(self, held: HeldStudy, search: SearchSpec, objective: Metric, began: float | None = None) -> None:
        """Initialize without checking the study; use :func:`search.study.database.open_study`, which checks it."""
        self.storage = held.storage
        self.optuna = held.study
        self.check_held = held.lease.check
        self.search = search
        self._objective = objective.name
        self._began = time.monotonic() if began is None else began
        self._seconds_before = float(self.optuna.user_attrs.get("seconds", 0.0))
        self._least = 0.0

    @property
    def id(self) -> str:
        """The unique id of this study."""
        return str(self.optuna.user_attrs["id"])

    @property
    def seconds(self) -> float:
        """Time spent on the search over all starts."""
        return self._seconds_before + time.monotonic() - self._began

    def keep_seconds(self, least: float = 0.0) -> None:
        """Record the time spent, or ``least`` seconds if that is more: less than a trial needs counts as spent."""
        self._least = max(self._least, least)
        self.optuna.set_user_attr("seconds", round(max(self.seconds, self._least), 3))

    @property
    def expected_gain(self) -> ExpectedGain | None:
        """What further trials are expected to gain, as last recorded."""
        return read_gain(self.optuna.user_attrs)

    def keep_gain(self, gain: ExpectedGain) -> None:
        """Record what further trials are expected to gain."""
        self.optuna.set_user_attr(GAIN_KEY, asdict(gain))

    def records(self) -> list[TrialRecord]:
        """Return all trials that were ever started."""
        return make_records(self.optuna.get_trials(deepcopy=False), self.search.space)

    def record(self, number: int) -> TrialRecord:
        """Return one trial."""
        return make_record(self.storage.get_trial(self._id(number)), self.search.space)

    def counts(self) -> Mapping[StateName, int]:
        """Return the number of started trials in each state."""
        return Counter(trial.state.name for trial in self.optuna.get_trials(deepcopy=False) if begun(trial))

    @property
    def num_finished(self) -> int:
        """Number of finished trials."""
        counts = self.counts()
        return sum(counts.get(state, 0) for state in FINAL_STATES)

    @property
    def is_waiting(self) -> bool:
        """Whether a trial waits to start or to resume."""
        return bool(self.optuna.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def sweep(self) -> list[int]:
        """Update the trials that a dead or interrupted driver left running.

        Trials with their full budget become complete, the others wait to resume.

        Returns:
            The numbers of the updated trials.
        """
        running = self.optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for trial in running:
            if max(trial.intermediate_values, default=0) >= self.search.budget.epochs:
                self.finish(trial.number, "COMPLETE")
            else:
                self.wait(trial.number)
        return [trial.number for trial in running]

    def wait(self, number: int) -> None:
        """Set a trial's state to WAITING, so that it is proposed again before new trials."""
        self.storage.set_trial_state_values(self._id(number), TrialState.WAITING)

    @property
    def warm_points(self) -> tuple[Mapping[str, Value], ...]:
        """The points that the search took from other searches at its first start."""
        return tuple(point.values for point in TakenPoints.of_study(self.optuna.user_attrs).points)

    def enqueue(self) -> None:
        """Queue the known good points that were not queued before, at most as many as the trials of the budget.

        The points of the search file come first, then those of other searches.
        """
        for point in (*self.search.prior, *self.warm_points)[: self.search.budget.trials]:
            self.optuna.enqueue_trial(dict(point), skip_if_exists=True)

    def add_point(self, point: Mapping[str, Value], request: str) -> tuple[int, int]:
        """Queue a point that was requested while the search runs.

        Args:
            point: Values of searched settings; the others are sampled.
            request: The unique name of the request. If it was queued before, it is not queued again.

        Returns:
            The number of its trial, and how many trials wait before it.
        """
        for trial in self.optuna.get_trials(deepcopy=False):
            if trial.user_attrs.get(REQUEST_KEY) == request:
                break
        else:
            self.optuna.enqueue_trial(dict(point), user_attrs={REQUEST_KEY: request})
            trial = self.optuna.get_trials(deepcopy=False)[-1]
        waiting = self.optuna.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return trial.number, sum(other.number < trial.number for other in waiting)

    def confirm(self, number: int) -> None:
        """Queue a trial with the hyperparameters of another, which will have another seed."""
        params = self.storage.get_trial(self._id(number)).params
        self.optuna.enqueue_trial(dict(params), user_attrs={CONFIRMS_KEY: number})

    def change_budget(self, budget: Budget) -> None:
        """Record another budget, and queue known good points for which there was no room before."""
        self.search = self.search.model_copy(update={"budget": budget})
        self.optuna.set_user_attr("search", self.search.to_toml())
        self.enqueue()

    def add_epoch(self, number: int, report: EpochReport) -> bool:
        """Record an epoch.

        Args:
            number: The trial's number.
            report: The trial's report.

        Returns:
            Whether it is new; an epoch repeated after an interruption is not.
        """
        trial_id = self._id(number)
        if report.epoch in self.storage.get_trial(trial_id).intermediate_values:
            return False
        stored = {**report.to_plain(), "seconds": round(report.seconds, 4), "at": int(time.time() * 1000)}
        del stored["epoch"]  # the attribute's name contains it
        self.storage.set_trial_user_attr(trial_id, f"{EPOCH_KEY}{report.epoch}", stored)
        mean = report.metrics[self._objective].mean
        self.storage.set_trial_intermediate_value(trial_id, report.epoch, mean)
        return True

    def finish(self, number: int, state: StateName, reason: str = "") -> None:
        """Record a trial's end; the value of a complete or pruned trial is the objective of its last epoch."""
        trial_id = self._id(number)
        trial = self.storage.get_trial(trial_id)
        if reason:
            self.storage.set_trial_user_attr(trial_id, REASON_KEY, reason)
        steps = trial.intermediate_values
        values = [steps[max(steps)]] if state != "FAIL" and steps else None
        self.storage.set_trial_state_values(trial_id, TrialState[state], values)
        self.keep_seconds()

    def _id(self, number: int) -> int:
        return self.storage.get_trial_id_from_study_id_trial_number(study_id(self.optuna), number)
