"""What proposes trials to Ray Tune: the study's sampler, with every trial's true state recorded in the study.

Ray's OptunaSearch records a trial that was stopped early as COMPLETE with its partial loss, drops its last value, and
leaves a diverged one RUNNING for ever. Here a full budget is COMPLETE, an early stop is PRUNED after its last value, an
error or a loss that is not finite is FAIL, and an interrupted trial is left to be swept.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ray.tune.search.searcher import Searcher

from models.metrics import Metric
from search.driver.recorder import Recorder
from search.driver.sampler import make_sampler
from search.driver.worker import FAILURE, FOLDS, FULL_DISK, NOTES, UNUSABLE, read_report
from search.spec.whole_search import SearchSpec
from search.study.writer import Study


class StudySearcher(Searcher):
    """Proposes trials and records what becomes of them.

    A trial's configuration is its ``number`` and its ``values``.
    """

    def __init__(
        self,
        study: Study,
        search: SearchSpec,
        objective: Metric,
        recorder: Recorder,
        capacity: Callable[[], int],
    ) -> None:
        """Take a study.

        Args:
            study: The search's study, held by this process.
            search: The search.
            objective: The metric that is optimised.
            recorder: Where events go.
            capacity: Returns the number of trials that may run at once now.
        """
        super().__init__(metric=objective.name, mode="min" if objective.direction == "minimise" else "max")
        self._study, self._space = study.optuna, search.space
        self._study.sampler = make_sampler(search, len(study.optuna.get_trials(deepcopy=False)))
        self._epochs, self._num_trials = search.budget.epochs, search.budget.trials
        self._recorder, self._capacity = recorder, capacity
        self._numbers: dict[str, int] = {}

    def suggest(self, trial_id: str) -> Any:
        """Propose a trial: one that waits, or a new one; None if there is none now, FINISHED if there will be none.

        A running trial may yet be lost and wait again, so there may be more to propose until all trials are finished.
        """
        with self._recorder.failures.guard():
            left = self._num_trials - self._recorder.num_finished
            if len(self._numbers) >= min(self._capacity(), left):
                return None if self._numbers else Searcher.FINISHED
            trial = self._study.ask()
            self._numbers[trial_id] = trial.number
            return {"number": trial.number, "values": self._space(trial)}
        return Searcher.FINISHED

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Record an epoch."""
        self._record(self._numbers[trial_id], result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Record a trial's end with its true state; :class:`TrialEvents` decides on one that Ray lost."""
        number = self._numbers.pop(trial_id, None)
        if number is None or error:
            return
        result = result or {}
        if FAILURE in result:
            self._recorder.ended(number, "FAIL", str(result[FAILURE]))
        elif FULL_DISK in result:
            self._recorder.failures.disk_is_full(str(result[FULL_DISK]))  # the trial can resume when there is room
        elif UNUSABLE in result:
            self._recorder.failures.place_is_unusable(str(result[UNUSABLE]))  # as above
        elif FOLDS not in result:
            self._recorder.ended(number, "FAIL", "it reported no epoch")
        else:
            self._record(number, result)
            self._recorder.ended(number, "COMPLETE" if result["epoch"] >= self._epochs else "PRUNED")

    def _record(self, number: int, result: Mapping[str, Any]) -> None:
        for note in result.get(NOTES, ()):
            self._recorder.message(note)
        self._recorder.epoch(number, read_report(result))

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Save nothing: the study is all the state there is, and its address may hold a password."""
