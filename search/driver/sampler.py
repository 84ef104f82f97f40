"""OptunaSearch with honest states: what a trial came to is told to the study as it was.

Ray's own tells a trial that was stopped early as COMPLETE with its partial loss, drops its last value, and leaves a
diverged one RUNNING for ever. Here the full budget is COMPLETE, a stop at a rung is PRUNED after its last value, an
error or a loss that is not finite is FAIL, and an interrupted trial is left for the sweeper.
"""

# Ray and Optuna are partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Callable, Mapping
from typing import Any

from ray.tune.search.optuna import OptunaSearch
from ray.tune.search.searcher import Searcher

from data_prep.randomness import integer_seed
from models.metrics import Metric
from search.driver.recorder import Recorder
from search.driver.tpe import ReadOnceTPESampler
from search.driver.worker import FAILURE, FOLDS, FULL_DISK, NOTES, UNUSABLE, read_report
from search.spec.file import SearchSpec
from search.study.database import Study


def make_sampler(search: SearchSpec, num_trials: int) -> ReadOnceTPESampler:
    """Make the TPE sampler, its stream named by the trials so far: a resumed search must not draw the same again."""
    seed = integer_seed(search.sampler.seed, "sampler", trial=num_trials)
    return ReadOnceTPESampler(search.space.searched, seed=seed, num_startup=search.sampler.startup)


class HonestOptunaSearch(OptunaSearch):
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
        """Take up a study.

        Args:
            study: The search's study, held by this process.
            search: The search.
            objective: The metric that is searched for.
            recorder: Where events go.
            capacity: Gives the trials that may run at once now; it bounds those that were proposed and are not done.
        """
        super().__init__(
            space=search.space,
            metric=objective.name,
            mode="min" if objective.direction == "minimise" else "max",
            storage=study.storage,
            study_name=search.name,
            sampler=make_sampler(search, len(study.optuna.get_trials(deepcopy=False))),
        )
        self._search_space = search.space
        self._epochs, self._num_trials = search.budget.epochs, search.budget.trials
        self._recorder, self._capacity = recorder, capacity
        self._numbers: dict[str, int] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Propose a trial: one that waits, or a new one; None if there is none now, FINISHED if there will be none.

        What is under way may yet be lost and wait again, so a search has more to propose until all trials are done.
        """
        with self._recorder.guard():
            left = self._num_trials - self._recorder.num_finished
            if len(self._numbers) >= min(self._capacity(), left):
                return None if self._numbers else Searcher.FINISHED
            assert self._ot_study is not None
            trial = self._ot_study.ask()
            self._numbers[trial_id] = trial.number
            return {"number": trial.number, "values": self._search_space(trial)}
        return Searcher.FINISHED

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Record an epoch."""
        self._record(self._numbers[trial_id], result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Record a trial's end with its true state; whether one that Ray lost is tried again is decided elsewhere."""
        number = self._numbers.pop(trial_id, None)
        if number is None or error:
            return
        result = result or {}
        if FAILURE in result:
            self._recorder.ended(number, "FAIL", str(result[FAILURE]))
        elif FULL_DISK in result:
            self._recorder.disk_is_full(str(result[FULL_DISK]))  # the trial is left to go on when there is room
        elif UNUSABLE in result:
            self._recorder.place_is_unusable(str(result[UNUSABLE]))  # here too
        elif FOLDS not in result:
            self._recorder.ended(number, "FAIL", "it reported no epoch")
        else:
            self._record(number, result)
            self._recorder.ended(number, "COMPLETE" if result["epoch"] >= self._epochs else "PRUNED")

    def _record(self, number: int, result: Mapping[str, Any]) -> None:
        for note in result.get(NOTES, ()):
            self._recorder.told(note)
        self._recorder.epoch(number, read_report(result))

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Save nothing: the study is all there is, and its address may hold a password."""
