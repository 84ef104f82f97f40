"""The Ray Tune adapter: Ray Tune's settings, its loop, and the events that only its callbacks receive.

No state of Ray's is reused: every start of a search restores all state from the study.
"""

import logging
import os
import shutil
import time
import warnings
from contextlib import nullcontext
from operator import attrgetter
from pathlib import Path
from typing import Any

import ray
from ray import tune

from search.driver.attempts import Attempts
from search.driver.limit import Limit
from search.driver.recorder import Recorder
from search.driver.requests import Requests
from search.driver.scheduler import ResumableScheduler
from search.driver.searcher import StudySearcher
from search.driver.worker import FULL_DISK, UNUSABLE
from search.private_apis import actor_of, callbacks_not_counted, forget_results, trials_in_plain_workers
from search.study.records import CONFIRMS_KEY
from search.trials.storage import CheckpointCollector

_ray: Any = ray  # partly untyped
_tune: Any = tune

_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_COUNT_PREEMPTION_AS_FAILURE": "1",  # Ray retries nothing: retries are decided here
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_MAX_PENDING_TRIALS_PG": "100000",  # the searcher limits pending trials, since nodes come and go
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "1000000",
}


def quieten() -> None:
    """Disable Ray Tune's own output, files and retries."""
    os.environ.update(_ENVIRONMENT)
    for name in ("ray.tune", "ray.train", "ray.air"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def fit(
    trainable: Any,
    searcher: StudySearcher,
    scheduler: ResumableScheduler,
    events: "TrialEvents",
    folder: Path,
    *,
    is_local: bool,
) -> None:
    """Run Ray Tune's loop until the searcher has no more trials or the limit stops it.

    Args:
        trainable: The function that trains a trial, with its resources.
        searcher: Proposes trials.
        scheduler: Stops weak trials.
        events: The callbacks, with the limit.
        folder: The folder for Ray's files, which is removed at the end.
        is_local: Whether trials run in workers of ``local_ray``, which have the driver's environment.
    """
    with warnings.catch_warnings(), callbacks_not_counted(), trials_in_plain_workers() if is_local else nullcontext():
        warnings.simplefilter("ignore")  # warnings of Ray and Optuna that the user cannot act on
        _tune.run(  # not a Tuner, which pickles the searcher, with its storage's address, into its folder
            trainable,
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=-1,  # the searcher ends the loop, because a retried trial must count once
            reuse_actors=True,
            trial_dirname_creator=attrgetter("trial_id"),
            name=f"{os.getpid()}-{int(time.time())}",
            storage_path=str(folder.absolute()),
            max_failures=0,
            raise_on_failed_trial=False,
            callbacks=[events],
            stop=events.limit,
            verbose=0,
            progress_reporter=NoReports(),
        )
    shutil.rmtree(folder, ignore_errors=True)


class NoReports(tune.ProgressReporter):
    """A reporter that reports nothing; Ray Tune's own clears the output of a notebook, even if it reports nothing."""

    def should_report(self, trials: list[Any], done: bool = False) -> bool:
        """Return False."""
        return False


class TrialEvents(tune.Callback):
    """Handles events that the searcher does not receive: a worker starts a trial, or Ray loses one."""

    def __init__(self, recorder: Recorder, limit: Limit, checkpoints: CheckpointCollector, requests: Requests) -> None:
        """Initialize before the first trial starts."""
        self.limit = limit
        self._recorder, self._checkpoints, self._requests = recorder, checkpoints, requests
        self._attempts = Attempts()
        self._actors: set[Any] = set()
        self._actor_of: dict[int, Any] = {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record the start of a trial."""
        actor = actor_of(trial)
        self._attempts.started(actor)
        self._actors.add(actor)
        number = trial.config["number"]
        self._actor_of[number] = actor
        self._recorder.started(number, trial.config["values"], trial.config[CONFIRMS_KEY])
        if self._recorder.was_stopped(number):  # while it waited for a worker
            self._kill(number)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Remove a finished trial's checkpoints."""
        self._actor_of.pop(trial.config["number"], None)
        if not {FULL_DISK, UNUSABLE} & set(trial.last_result or {}):
            self._checkpoints.finished(trial.config["number"])
        forget_results(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Retry a trial from its checkpoint, or give it up and remove the checkpoint."""
        number = trial.config["number"]
        self._actor_of.pop(number, None)
        if self._recorder.was_stopped(number):
            self._checkpoints.finished(number)
        elif reason := self._attempts.failed(trial):
            self._recorder.ended(number, "FAIL", reason)
            self._checkpoints.finished(number)
        else:
            self._recorder.lost(number)
        forget_results(trial)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Carry out requests, and kill the workers when the search stops: Ray would wait for their current epochs."""
        if self.limit.stopping:
            while self._actors:
                _ray.kill(self._actors.pop())
        else:
            self._requests.poll(self._kill)

    def _kill(self, number: int) -> None:
        """Kill the worker of a trial, if it has one; Ray starts another for the next trial."""
        actor = self._actor_of.pop(number, None)
        if actor is not None:
            self._actors.discard(actor)
            _ray.kill(actor)
