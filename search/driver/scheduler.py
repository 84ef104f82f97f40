"""ASHA whose rungs survive a restart. A rung's unit is the epoch, counted from a trial's very beginning."""

# Ray is partly untyped, and ASHA's rungs are private:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportPrivateUsage=false, reportArgumentType=false, reportUnknownArgumentType=false
# ruff: noqa: SLF001

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from models.metrics import Metric
from search.driver.worker import LAST
from search.spec.file import SearchSpec
from search.study.database import FINISHED
from search.study.records import TrialRecord


@dataclass(frozen=True)
class _Numbered:
    """What ASHA needs of a trial, under the number that it keeps over restarts."""

    trial_id: str


class SurvivingASHA(ASHAScheduler):
    """Stops weak trials at rungs; its only state, the values at the rungs, is read from the study.

    A trial is known by its number in the study, so that one that is trained again from a checkpoint below a rung is not
    judged, nor counted, a second time.

    Attributes:
        overdue: Numbers of unfinished trials whose last value the rungs have judged too weak: the driver died between
            the verdict and its record.
    """

    def __init__(self, search: SearchSpec, objective: Metric, past: Iterable[TrialRecord]) -> None:
        """Set the rungs up and fill them.

        Args:
            search: The search.
            objective: The metric that trials are compared on.
            past: All trials so far.
        """
        epochs = search.budget.epochs
        super().__init__(
            time_attr="epoch",
            metric=objective.name,
            mode="min" if objective.direction == "minimise" else "max",
            max_t=epochs,
            grace_period=min(search.scheduler.first_rung, epochs),
            reduction_factor=search.scheduler.reduction,
            brackets=1,
        )
        self.overdue = tuple(self._replay(objective, tuple(past)))

    def _replay(self, objective: Metric, past: tuple[TrialRecord, ...]) -> Iterator[int]:
        """Judge all epochs again in the order in which they were recorded, which fills the rungs."""
        bracket = self._brackets[0]
        rungs = dict(bracket._rungs)
        judged = [
            (epoch.at, record.number, epoch.report, record.state not in FINISHED and epoch is record.epochs[-1])
            for record in past
            for epoch in record.epochs
            if epoch.report.epoch in rungs
        ]
        for _, number, report, is_newest in sorted(judged, key=itemgetter(0, 1)):
            cost = objective.cost(report.metrics[objective.name].mean)
            value = -cost  # ASHA's own values are the better the larger they are
            if not is_newest:
                rungs[report.epoch][str(number)] = value  # as on_result does, which sorts the whole rung for a verdict
                continue
            verdict = bracket.on_result(_Numbered(str(number)), report.epoch, value)
            if verdict == TrialScheduler.STOP:
                yield number

    def choose_trial_to_run(self, tune_controller: Any) -> Any | None:
        """Choose the next trial that waits; Ray's own looks through all that ever ran."""
        waiting = [trial for trial in tune_controller.get_live_trials() if trial.status == Trial.PENDING]
        return min(waiting, key=lambda trial: trial.config["number"], default=None)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Take a trial in."""
        super().on_trial_add(tune_controller, _numbered(trial))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decide after an epoch whether a trial goes on; one that failed does not."""
        if LAST & result.keys():
            return TrialScheduler.STOP
        return super().on_trial_result(tune_controller, _numbered(trial), result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Let a trial go."""
        self._trial_info.pop(_numbered(trial).trial_id, None)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Let a trial go that never ran."""
        self._trial_info.pop(_numbered(trial).trial_id, None)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Let a trial go that broke; if it is tried again it is added again."""
        self._trial_info.pop(_numbered(trial).trial_id, None)


def _numbered(trial: Any) -> _Numbered:
    return _Numbered(str(trial.config["number"]))
