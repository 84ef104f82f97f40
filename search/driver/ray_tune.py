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
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from models.metrics import Metric
from search.driver.attempts import Attempts
from search.driver.limit import Limit, Reason
from search.driver.recorder import Recorder
from search.driver.rungs import rungs
from search.driver.sampler import HonestOptunaSearch
from search.driver.scheduler import SurvivingASHA
from search.driver.worker import FULL_DISK, UNUSABLE, Job, train
from search.spec.file import AnyFamily, SearchSpec
from search.study.database import Study, folder, open_study
from search.study.lease import StudyLostError, Waiting
from search.study.progress import Observer
from search.study.records import TrialRecord
from search.study.report import best_trials
from search.tracking.client import check_tracking, tracking_uri
from search.tracking.thread import Tracking
from search.trials.files import model_path
from search.trials.storage import Caretaker, check_storage, settle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN_KEY = "shown"
"""The study's attribute with the trial whose pictures MLflow has: they are not drawn again at each start."""

_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_COUNT_PREEMPTION_AS_FAILURE": "1",  # Ray tries nothing again by itself: all goes by the study
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_MAX_PENDING_TRIALS_PG": "100000",  # the searcher holds trials back, for machines that come and go
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
        ran: Whether anything of the budget was left for this start.
        seconds: Time spent on the search, over all starts.
        messages: What a user must be told about where results could not be written.
    """

    reason: Reason
    trials: tuple[TrialRecord, ...]
    num_new: int
    ran: bool
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
    capacity: Callable[[], int] | None = None,
    began: float | None = None,
    later: Callable[[], float] = float,
) -> Outcome:
    """Run a search up to its budget, or on from where it stopped.

    Args:
        search: The search.
        data: The family's prepared data.
        home: The home folder; on a cluster one that every node sees.
        observer: Who looks on.
        family: The family.
        fingerprint: Of the data.
        slots: Trials that run at once, at its beginning.
        cpus: Processors of each.
        gpus: GPUs of each.
        capacity: Gives the trials that run at once now, where machines come and go; what it raises ends the search.
        began: When, by ``time.monotonic``, the search's time began to run; None is now.
        later: Gives the seconds of what the caller has to do within the search's time when the trials are over.

    Returns:
        What it came to. A search that is finished already comes back at once.

    Raises:
        BadInputError: If it cannot start (see :func:`database.open_study`), the tracking store is not there, the
            disk is full, or the first trials all fail.
    """
    _quieten()
    check_tracking(tracking_uri(search, home))
    check_storage(search)
    waiting = Waiting(observer.message)
    with open_study(search, family, home, fingerprint, waiting, began) as study:
        settled = settle(study, search, home)
        num_before = study.num_finished
        tags = {"study": study.id, "fingerprint": fingerprint}
        tracking = Tracking(search, home, family.metrics[0], tags, study.records())
        recorder = Recorder(study, tracking, observer, family.metrics[0])
        limit = Limit(study, search, recorder, slots, later=later)
        waiting.stopped = limit.told_to_stop
        observer.search_started(
            trials=search.budget.trials,
            epochs=search.budget.epochs,
            seconds=limit.seconds_left,
            finished=study.counts(),
        )
        for message in settled.messages:
            observer.message(message)
        caretaker = Caretaker(settled, study.records())
        for best in best_trials(study.records(), family.metrics[0], 1):
            score = best.last(family.metrics[0].name)
            assert score is not None, "a full trial has a score"
            observer.best_before(best.number, score.mean, score.standard_error)
        try:
            scheduler = SurvivingASHA(search, family.metrics[0], study.records())
            for number in scheduler.overdue:
                recorder.ended(number, "PRUNED")
            if ran := limit.reason is None:
                job = Job(
                    family=family,
                    seed=search.data.seed,
                    rungs=rungs(search.scheduler.first_rung, search.scheduler.reduction, search.budget.epochs),
                    files=settled.for_workers,
                    device="cuda" if gpus else "cpu",
                    gpus=gpus,
                )
                with _signals(limit):
                    events, resources = _Events(recorder, limit, caretaker), {"cpu": cpus, "gpu": gpus}
                    place = folder(home, search.name) / "ray"
                    trainable = tune.with_resources(tune.with_parameters(train, job=job, data=data), resources)
                    _fit(
                        study,
                        search,
                        scheduler,
                        family.metrics[0],
                        events,
                        trainable,
                        capacity or (lambda: slots),
                        place,
                    )
        finally:
            messages = _wind_up(study, family, data, recorder, tracking, limit, caretaker, folder(home, search.name))
            observer.search_ended()
        limit.raise_failure()
        assert limit.reason is not None
        if limit.reason == "time":
            study.keep_seconds(search.budget.time or 0.0)
        records = tuple(study.records())
        return Outcome(limit.reason, records, study.num_finished - num_before, ran, study.seconds, tuple(messages))


def _fit(
    study: Study,
    search: SearchSpec,
    scheduler: SurvivingASHA,
    objective: Metric,
    events: "_Events",
    trainable: Any,
    capacity: Callable[[], int],
    ray_folder: Path,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whatever Ray and Optuna warn of, the user can do nothing about
        tune.run(  # not a Tuner, which pickles the searcher, its storage's address included, into its folder
            trainable,
            search_alg=HonestOptunaSearch(study, search, objective, events.recorder, capacity),
            scheduler=scheduler,
            num_samples=-1,  # the searcher knows when all are done: a trial that is tried again counts once
            reuse_actors=True,
            trial_dirname_creator=_trial_folder,
            name=f"{os.getpid()}-{int(time.time())}",
            storage_path=str(ray_folder.absolute()),
            max_failures=0,
            raise_on_failed_trial=False,
            callbacks=[events],
            stop=events.limit,
            verbose=0,
        )
    shutil.rmtree(ray_folder, ignore_errors=True)


def _trial_folder(trial: Any) -> str:
    return str(trial.trial_id)


class _Events(tune.Callback):
    """Hears what the searcher does not: that a worker took a trial up, and that Ray lost one."""

    def __init__(self, recorder: Recorder, limit: Limit, caretaker: Caretaker) -> None:
        self.recorder, self.limit, self._caretaker = recorder, limit, caretaker
        self._attempts = Attempts()
        self._actors: set[Any] = set()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record a start."""
        actor = trial.temporary_state.ray_actor
        self._attempts.started(actor)
        self._actors.add(actor)
        self.recorder.started(trial.config["number"], trial.config["values"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Remove a finished trial's checkpoint."""
        if not {FULL_DISK, UNUSABLE} & set(trial.last_result or {}):
            self._caretaker.finished(trial.config["number"])
        self._forget(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Have a trial tried again, from its checkpoint, or give it up and remove that."""
        number, reason = trial.config["number"], self._attempts.failed(trial)
        if reason:
            self.recorder.ended(number, "FAIL", reason)
            self._caretaker.finished(number)
        else:
            self.recorder.lost(number)
        self._forget(trial)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """End the workers at once when the search stops: Ray would wait for the epochs that they are in."""
        if self.limit.stopping:
            while self._actors:
                ray.kill(self._actors.pop())

    @staticmethod
    def _forget(trial: Any) -> None:
        for kept in (trial.metric_analysis, trial.metric_n_steps, trial.last_result):
            kept.clear()  # Ray keeps every trial, and of each what nobody reads


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
    caretaker: Caretaker,
    job_folder: Path,
) -> list[str]:
    """Sweep, see to the files of finished trials, and name the winner in MLflow."""
    if recorder.failure is None:
        recorder.swept()
    if isinstance(recorder.failure, StudyLostError):
        return tracking.close(None, finished=False, patience_s=5.0)
    records = study.records()
    best = best_trials(records, family.metrics[0], 1)
    winner, finished = best[0] if best else None, limit.reason in ("trials", "time")
    left_over = caretaker.close(records, hurry=not finished)
    pictures, messages = [], []
    shown = f"{winner.number} in {tracking.place}" if winner is not None and finished else None
    if winner is not None and shown not in (None, study.optuna.user_attrs.get(_SHOWN_KEY)):
        pictures, messages = _pictures(family, data, model_path(job_folder, winner.number))
    told = tracking.close(winner, finished=finished, pictures=pictures)
    if pictures and tracking.ended:
        study.optuna.set_user_attr(_SHOWN_KEY, shown)
    return [*left_over, *messages, *told]


def _pictures(family: AnyFamily, data: Any, model: Path) -> tuple[list[tuple[str, "Figure"]], list[str]]:
    """Draw the winner's pictures, or say why they cannot be drawn: a search does not end in an error for that."""
    if not model.exists():
        return [], []
    try:
        return list(family.pictures(model, data)), []
    except Exception as error:  # noqa: BLE001  (whatever drawing raises)
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return [], [f"the winner's pictures could not be drawn ({reason})"]


def _quieten() -> None:
    for name, value in _ENVIRONMENT.items():
        os.environ[name] = value
    for name in ("ray.tune", "ray.train", "ray.air"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
