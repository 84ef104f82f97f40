"""Ray Tune's schedulers that a search file can name, with state that survives a restart.

The time attribute is the epoch, counted from the first start of a trial.
"""

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler

from models.metrics import Metric
from models.spec import Value
from search.driver.worker import LAST
from search.private_apis import asha_rungs, asha_verdict, pending_trials
from search.spec.scheduler_section import Asha, FullBudget
from search.spec.whole_search import SearchSpec
from search.study.records import CONFIRMS_KEY, TrialRecord


class ResumableScheduler(TrialScheduler):
    """Base class of the schedulers: starts trials in order of their numbers, and stops failed trials.

    Attributes:
        overdue: Numbers of unfinished trials that were stopped just before the driver died, which did not record it.
    """

    overdue: tuple[int, ...] = ()

    def choose_trial_to_run(self, tune_controller: Any) -> Any | None:
        """Return the next waiting trial; Ray's own method iterates over all trials of the run."""
        return min(pending_trials(tune_controller), key=lambda trial: trial.config["number"], default=None)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decide after an epoch whether a trial continues; a failed trial does not."""
        if LAST & result.keys():
            return TrialScheduler.STOP
        library: Any = super()  # partly untyped
        return library.on_trial_result(tune_controller, trial, result)


class UnstoppedTrials(ResumableScheduler, FIFOScheduler):
    """Trains every trial to its full budget."""

    def __init__(self, epochs: int) -> None:
        """Initialize with the full budget."""
        super().__init__()
        self._epochs = epochs

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Stop a trial that has its full budget."""
        verdict = super().on_trial_result(tune_controller, trial, result)
        return TrialScheduler.STOP if result["epoch"] >= self._epochs else verdict


class ResumableASHA(ResumableScheduler, ASHAScheduler):
    """Stops weak trials at rungs; its only state, the values at the rungs, is restored from the study.

    Trials are identified by their number in the study, so that a trial that resumes from a checkpoint below a rung is
    not judged and counted twice.
    """

    def __init__(self, search: SearchSpec, settings: Asha, objective: Metric, past: Iterable[TrialRecord]) -> None:
        """Set up the rungs and fill them.

        Args:
            search: The search.
            settings: The settings of its scheduler.
            objective: The metric that trials are compared on.
            past: All trials so far.
        """
        self._epochs = epochs = search.budget.epochs
        super().__init__(
            time_attr="epoch",
            metric=objective.name,
            mode="min" if objective.direction == "minimise" else "max",
            max_t=epochs,
            grace_period=min(settings.first_rung, epochs),
            reduction_factor=settings.reduction,
            brackets=1,
        )
        self._judging_late = {*settings.checkpoint_epochs(epochs)[1:], epochs}
        self._late = {name: search.space.default(name) for name in settings.late}
        self.overdue = tuple(self._replay(objective, tuple(past)))

    def _replay(self, objective: Metric, past: tuple[TrialRecord, ...]) -> Iterator[int]:
        """Fill the rungs with all epochs in the order of their recording; yield the trials that must stop."""
        rungs, verdict = asha_rungs(self), asha_verdict(self)
        judged = [
            (epoch.at, record.number, epoch.report, not record.is_final and epoch is record.epochs[-1])
            for record in past
            if record.confirms is None
            for epoch in record.epochs
            if epoch.report.epoch in rungs and not self._skips(epoch.report.epoch, record.values)
        ]
        for _, number, report, is_newest in sorted(judged, key=itemgetter(0, 1)):
            value = -objective.cost(report.metrics[objective.name].mean)  # for ASHA, more is better
            if not is_newest:
                rungs[report.epoch][str(number)] = value  # a verdict does the same, but sorts the rung
            elif verdict(str(number), report.epoch, value) == TrialScheduler.STOP:
                yield number

    def _skips(self, epoch: int, values: Mapping[str, Value]) -> bool:
        """Return whether a trial is not judged after an epoch, because it has settings that start behind."""
        return epoch not in self._judging_late and any(
            values.get(name, default) != default for name, default in self._late.items()
        )

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Add a trial under its number."""
        super().on_trial_add(tune_controller, _numbered(trial))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Judge a trial under its number."""
        if not LAST & result.keys():
            if trial.config[CONFIRMS_KEY] is not None:  # it is trained to the end, and would crowd the rungs
                return TrialScheduler.STOP if result["epoch"] >= self._epochs else TrialScheduler.CONTINUE
            if self._skips(result["epoch"], trial.config["values"]):
                return TrialScheduler.CONTINUE
        return super().on_trial_result(tune_controller, _numbered(trial), result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Do nothing; the last report was judged when it arrived."""

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Do nothing; a retried trial is added again."""


def make_scheduler(search: SearchSpec, objective: Metric, past: Iterable[TrialRecord]) -> ResumableScheduler:
    """Make a search's scheduler.

    Args:
        search: The search.
        objective: The metric that trials are compared on.
        past: All trials so far.

    Returns:
        The scheduler.
    """
    match search.scheduler:
        case Asha() as settings:
            return ResumableASHA(search, settings, objective, past)
        case FullBudget():
            return UnstoppedTrials(search.budget.epochs)
        case other:
            raise NotImplementedError(other.kind)


def _numbered(trial: Any) -> Any:
    """Return a stand-in for a Ray trial, whose id, the only attribute that ASHA reads, is the number in the study."""
    return SimpleNamespace(trial_id=str(trial.config["number"]))
