"""The search algorithm for Ray Tune: proposes trials with the study's sampler and records their states in the study.

Ray's OptunaSearch records an early-stopped trial as COMPLETE with its partial loss, drops its last value, and leaves a
diverged trial RUNNING forever. Here a trial with its full budget is COMPLETE, an early-stopped trial is PRUNED after
its last value, a trial with an error or a non-finite loss is FAIL, and an interrupted trial is left for the sweep.
"""

import errno
import os
from collections.abc import Callable, Mapping
from typing import Any

from ray.tune.search.searcher import Searcher

from data_prep.storage.object_store import UnusableStoreError
from models.metrics import Metric
from search.driver.confirmation import Confirmations
from search.driver.recorder import Recorder
from search.driver.sampler import make_sampler
from search.driver.worker import FAILURE, FULL_DISK, NOTES, REPORT, UNUSABLE, read_report
from search.spec.whole_search import SearchSpec
from search.study.records import CONFIRMS_KEY
from search.study.writer import Study


class StudySearcher(Searcher):
    """Proposes trials and records their results; a trial's config has ``number``, ``values`` and ``confirms``."""

    def __init__(
        self,
        study: Study,
        search: SearchSpec,
        objective: Metric,
        recorder: Recorder,
        capacity: Callable[[], int],
        seconds_left: Callable[[], float | None] = lambda: None,
        converged: Callable[[], bool] = lambda: False,
    ) -> None:
        """Set the study's sampler.

        Args:
            study: The search's study, held by this process.
            search: The search.
            objective: The metric that is optimised.
            recorder: Records the events.
            capacity: Returns the current number of parallel trials.
            seconds_left: Returns the time that is left for training (seconds), None without a limit.
            converged: Returns whether no more trials are worth while; those that train continue.
        """
        super().__init__(metric=objective.name, mode="min" if objective.direction == "minimise" else "max")
        self._holder, self._study, self._space = study, study.optuna, search.space
        self._study.sampler = make_sampler(search, len(study.optuna.get_trials(deepcopy=False)))
        self._epochs = search.budget.epochs
        self._recorder, self._capacity, self._converged = recorder, capacity, converged
        self._confirmations = Confirmations(study, objective, capacity, seconds_left)
        self._numbers: dict[str, int] = {}

    def suggest(self, trial_id: str) -> Any:
        """Propose a waiting or new trial; return None if there is none now, FINISHED if there will be none.

        A running trial may be lost and wait again, so more proposals are possible until all trials are finished.
        """
        with self._recorder.failures.guard():
            left = self._holder.search.budget.trials - self._recorder.num_finished
            has_room = len(self._numbers) < min(self._capacity(), left)
            converged = self._converged()
            if has_room:
                self._confirmations.queue(left - len(self._numbers), at_once=converged)
            if not has_room or (converged and not self._holder.is_waiting):
                return None if self._numbers else Searcher.FINISHED
            trial = self._study.ask()
            self._numbers[trial_id] = trial.number
            confirms = trial.user_attrs.get(CONFIRMS_KEY)
            return {"number": trial.number, "values": self._space(trial), CONFIRMS_KEY: confirms}
        return Searcher.FINISHED

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Record an epoch."""
        self._record(self._numbers[trial_id], result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Record the final state of a trial; :class:`TrialEvents` handles a trial that Ray lost."""
        number = self._numbers.pop(trial_id, None)
        if number is None or error:
            return
        result = result or {}
        if FAILURE in result:
            self._recorder.ended(number, "FAIL", str(result[FAILURE]))
        elif FULL_DISK in result:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(result[FULL_DISK]))
            self._recorder.failures.keep(full)  # the trial can resume, so it has not failed
        elif UNUSABLE in result:
            self._recorder.failures.keep(UnusableStoreError(str(result[UNUSABLE])))  # likewise
        elif REPORT not in result:
            self._recorder.ended(number, "FAIL", "it reported no epoch")
        else:
            self._record(number, result)
            self._recorder.ended(number, "COMPLETE" if result["epoch"] >= self._epochs else "PRUNED")

    def _record(self, number: int, result: Mapping[str, Any]) -> None:
        for note in result.get(NOTES, ()):
            self._recorder.message(note)
        self._recorder.epoch(number, read_report(result))

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Save nothing: all state is in the study, whose address may contain a password."""
