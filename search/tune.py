"""The Ray Tune adapter: runs a search's trials on a Ray that is already connected.

Ray keeps no state that counts: whenever a search is started again, all that Ray is told comes from the study.
"""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

import logging
import os
import shutil
import signal
import threading
import time
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from search.lease import StudyLostError, Waiting
from search.limit import Limit, Reason
from search.progress import Observer
from search.recorder import Recorder
from search.records import TrialRecord
from search.report import best_trials
from search.rungs import rungs
from search.sampler import HonestOptunaSearch
from search.scheduler import SurvivingASHA
from search.search_spec import AnyFamily, SearchSpec
from search.study import FINISHED, Study, folder, open_study
from search.tracking import check_tracking, tracking_uri
from search.tracking_thread import Tracking
from search.trial import checkpoint_path, model_path
from search.worker import FULL_DISK, Job, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ATTEMPTS = 3

_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "1000000",
}


@dataclass(frozen=True)
class Outcome:
    """What a search came to.

    Attributes:
        reason: Why it ended.
        trials: All its trials, those of earlier starts included.
        num_new: Number of trials that this start finished.
        seconds: Time spent on the search, over all starts.
        messages: What a user must be told about where results could not be written.
    """

    reason: Reason
    trials: tuple[TrialRecord, ...]
    num_new: int
    seconds: float
    messages: tuple[str, ...]


def run(  # noqa: PLR0913  (what a search depends on, named)
    search: SearchSpec,
    data: Any,
    home: Path,
    observer: Observer,
    *,
    family: AnyFamily,
    fingerprint: str,
    slots: int,
    cpus: int = 1,
    gpus: float = 0.0,
) -> Outcome:
    """Run a search up to its budget, or on from where it stopped.

    Args:
        search: The search.
        data: The family's prepared data.
        home: The home folder; on a cluster one that every node sees.
        observer: Who looks on.
        family: The family.
        fingerprint: Of the data.
        slots: Trials that run at once.
        cpus: Processors of each.
        gpus: GPUs of each.

    Returns:
        What it came to. A search that is finished already comes back at once.

    Raises:
        BadInputError: If it cannot start (see :func:`search.study.open_study`), the tracking store is not there, the
            disk is full, or the first trials all fail.
    """
    _quieten(slots)
    check_tracking(tracking_uri(search, home))
    waiting = Waiting(observer.message)
    with open_study(search, family, home, fingerprint, waiting) as study:
        num_before = study.num_finished
        tags = {"study": study.id, "fingerprint": fingerprint}
        tracking = Tracking(search, home, family.metrics[0], tags, study.records())
        recorder = Recorder(study, tracking, observer, family.metrics[0])
        limit = Limit(study, search, recorder, slots)
        waiting.stopped = limit.told_to_stop
        observer.search_started(
            trials=search.budget.trials,
            epochs=search.budget.epochs,
            seconds=limit.seconds_left,
            finished=study.counts(),
        )
        for best in best_trials(study.records(), family.metrics[0], 1):
            score = best.last(family.metrics[0].name)
            assert score is not None, "a full trial has a score"
            observer.best_before(best.number, score.mean, score.standard_error)
        try:
            if limit.reason is None:
                job = Job(
                    family=family,
                    seed=search.data.seed,
                    rungs=rungs(search.scheduler.first_rung, search.scheduler.reduction, search.budget.epochs),
                    checkpoints=folder(home, search.name) / "checkpoints",
                    device="cuda" if gpus else "cpu",
                )
                with _signals(limit):
                    _fit(study, search, recorder, limit, job, data, slots, {"cpu": cpus, "gpu": gpus})
        finally:
            messages = _wind_up(study, family, data, recorder, tracking, limit, job_folder=folder(home, search.name))
            observer.search_ended()
        limit.raise_failure()
        assert limit.reason is not None
        records = tuple(study.records())
        return Outcome(limit.reason, records, study.num_finished - num_before, study.seconds, tuple(messages))


def _fit(
    study: Study,
    search: SearchSpec,
    recorder: Recorder,
    limit: Limit,
    job: Job,
    data: Any,
    slots: int,
    resources: dict[str, float],
) -> None:
    objective = job.family.metrics[0]
    events = _Events(recorder, limit, job.checkpoints)
    ray_folder = job.checkpoints.parent / "ray"
    trainable = tune.with_resources(tune.with_parameters(train, job=job, data=data), resources)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whatever Ray and Optuna warn of, the user can do nothing about
        tune.run(  # not a Tuner, which pickles the searcher, its storage's address included, into its folder
            trainable,
            search_alg=HonestOptunaSearch(study, search, objective, recorder, events.why),
            scheduler=SurvivingASHA(search, objective, study.records()),
            num_samples=search.budget.trials - study.num_finished,
            max_concurrent_trials=slots,
            reuse_actors=True,
            trial_dirname_creator=_trial_folder,
            name=f"{os.getpid()}-{int(time.time())}",
            storage_path=str(ray_folder.absolute()),
            max_failures=_ATTEMPTS - 1,
            raise_on_failed_trial=False,
            callbacks=[events],
            stop=limit,
            verbose=0,
        )
    shutil.rmtree(ray_folder, ignore_errors=True)


def _trial_folder(trial: Any) -> str:
    return str(trial.trial_id)


class _Events(tune.Callback):
    """Hears what the searcher does not: that a worker took a trial up, and why Ray gave one up."""

    def __init__(self, recorder: Recorder, limit: Limit, checkpoints: Path) -> None:
        self._recorder, self._limit, self._checkpoints = recorder, limit, checkpoints
        self._trials: dict[str, Any] = {}
        self._actors: set[Any] = set()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record a start."""
        self._trials[trial.trial_id] = trial
        self._actors.add(trial.temporary_state.ray_actor)
        self._recorder.started(trial.config["number"], trial.config["values"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Remove a finished trial's checkpoint."""
        self._forget(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Remove a broken trial's checkpoint."""
        self._forget(trial)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """End the workers at once when the search stops: Ray would wait for the epochs that they are in."""
        if self._limit.stopping:
            while self._actors:
                ray.kill(self._actors.pop())

    def _forget(self, trial: Any) -> None:
        self._trials.pop(trial.trial_id, None)
        if FULL_DISK not in (trial.last_result or {}):
            with self._recorder.guard():
                checkpoint_path(self._checkpoints, trial.config["number"]).unlink(missing_ok=True)

    def why(self, trial_id: str) -> str:
        """Give the reason for which Ray gave a trial up."""
        path = Path(self._trials[trial_id].error_file)
        lines = path.read_text(encoding="utf-8").strip().splitlines() if path.exists() else []
        last = (
            "its worker died" if any("ActorDiedError" in line or "actor died" in line for line in lines) else lines[-1]
        )
        return f"given up after {_ATTEMPTS} attempts: {last.strip()}"[:500]


@contextmanager
def _signals(limit: Limit) -> Generator[None]:
    """Let the first Ctrl-C or SIGTERM end the search cleanly; a second Ctrl-C ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        del number, frame
        limit.signalled()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wind_up(
    study: Study,
    family: AnyFamily,
    data: Any,
    recorder: Recorder,
    tracking: Tracking,
    limit: Limit,
    job_folder: Path,
) -> list[str]:
    """Sweep, name the winner in MLflow, and remove checkpoints that nothing goes on from."""
    if recorder.failure is None:
        recorder.swept()
    if isinstance(recorder.failure, StudyLostError):
        return tracking.close(None, finished=False, patience_s=5.0)
    records = study.records()
    for record in records:
        if record.state in FINISHED:
            checkpoint_path(job_folder / "checkpoints", record.number).unlink(missing_ok=True)
    best = best_trials(records, family.metrics[0], 1)
    winner, finished = best[0] if best else None, limit.reason in ("trials", "time")
    pictures, messages = [], []
    if winner is not None and finished:
        pictures, messages = _pictures(family, data, model_path(job_folder / "checkpoints", winner.number))
    return [*messages, *tracking.close(winner, finished=finished, pictures=pictures)]


def _pictures(family: AnyFamily, data: Any, model: Path) -> tuple[list[tuple[str, "Figure"]], list[str]]:
    """Draw the winner's pictures, or say why they cannot be drawn: a search does not end in an error for that."""
    if not model.exists():
        return [], []
    try:
        return list(family.pictures(model, data)), []
    except Exception as error:  # noqa: BLE001  (whatever drawing raises)
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return [], [f"the winner's pictures could not be drawn ({reason})"]


def _quieten(slots: int) -> None:
    for name, value in _ENVIRONMENT.items():
        os.environ[name] = value
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(slots)
    for name in ("ray.tune", "ray.train", "ray.air"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
