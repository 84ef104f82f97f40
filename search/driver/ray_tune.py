"""The Ray Tune adapter: the settings of Ray Tune, its one loop, and the events that only its callbacks see.

Ray keeps no state that counts: at every start of a search, all that Ray needs comes from the study.
"""

import logging
import os
import shutil
import time
import warnings
from pathlib import Path
from typing import Any

import ray
from ray import tune

from search.driver.attempts import Attempts
from search.driver.limit import Limit
from search.driver.recorder import Recorder
from search.driver.scheduler import ResumableScheduler
from search.driver.searcher import StudySearcher
from search.driver.worker import FULL_DISK, UNUSABLE
from search.private_apis import actor_of, forget_results
from search.trials.storage import CheckpointCollector

_ray: Any = ray  # partly untyped
_tune: Any = tune

_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_COUNT_PREEMPTION_AS_FAILURE": "1",  # Ray retries nothing by itself: the study decides
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_MAX_PENDING_TRIALS_PG": "100000",  # the searcher holds trials back, since nodes come and go
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "1000000",
}


def quieten() -> None:
    """Switch off what Ray Tune prints, writes and retries by itself."""
    os.environ.update(_ENVIRONMENT)
    for name in ("ray.tune", "ray.train", "ray.air"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def fit(
    trainable: Any, searcher: StudySearcher, scheduler: ResumableScheduler, events: "TrialEvents", folder: Path
) -> None:
    """Run Ray Tune's loop until the searcher has no more trials, or the limit stops it.

    Args:
        trainable: What trains a trial, with its resources.
        searcher: What proposes trials.
        scheduler: What stops weak ones.
        events: The callbacks, which know the limit.
        folder: For Ray's own files, which are removed at the end.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the user can do nothing about what Ray and Optuna warn of
        _tune.run(  # not a Tuner, which pickles the searcher, with its storage's address, into its folder
            trainable,
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=-1,  # the searcher knows when all are done: a trial that is retried counts once
            reuse_actors=True,
            trial_dirname_creator=_trial_folder,
            name=f"{os.getpid()}-{int(time.time())}",
            storage_path=str(folder.absolute()),
            max_failures=0,
            raise_on_failed_trial=False,
            callbacks=[events],
            stop=events.limit,
            verbose=0,
        )
    shutil.rmtree(folder, ignore_errors=True)


def _trial_folder(trial: Any) -> str:
    return str(trial.trial_id)


class TrialEvents(tune.Callback):
    """Handles what the searcher does not see: that a worker took a trial, and that Ray lost one."""

    def __init__(self, recorder: Recorder, limit: Limit, checkpoints: CheckpointCollector) -> None:
        """Connect them; no trial has started."""
        self.limit = limit
        self._recorder, self._checkpoints = recorder, checkpoints
        self._attempts = Attempts()
        self._actors: set[Any] = set()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record a start."""
        actor = actor_of(trial)
        self._attempts.started(actor)
        self._actors.add(actor)
        self._recorder.started(trial.config["number"], trial.config["values"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Remove a finished trial's checkpoints."""
        if not {FULL_DISK, UNUSABLE} & set(trial.last_result or {}):
            self._checkpoints.finished(trial.config["number"])
        forget_results(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Have a trial retried from its checkpoint, or give it up and remove that."""
        number, reason = trial.config["number"], self._attempts.failed(trial)
        if reason:
            self._recorder.ended(number, "FAIL", reason)
            self._checkpoints.finished(number)
        else:
            self._recorder.lost(number)
        forget_results(trial)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """End the workers at once when the search stops: Ray would wait for the epochs that they are in."""
        if self.limit.stopping:
            while self._actors:
                _ray.kill(self._actors.pop())
