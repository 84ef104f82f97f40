"""The Ray Tune adapter: runs a search's trials on a Ray that is already connected.

Ray keeps no state that counts. A search that is started again gets a fresh Tuner, and all it knows comes from the study.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false  (Ray)

import errno
import logging
import os
import shutil
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from ray import tune

from data_prep.errors import BadInputError
from models.family import EpochReport
from search.progress import Observer
from search.recorder import Recorder
from search.report import best_trials
from search.sampler import FAILURE, FULL_DISK, HonestOptunaSearch, write_report
from search.scheduler import SurvivingASHA
from search.search_spec import AnyFamily, SearchSpec
from search.space import rungs
from search.study import FINISHED, Study, TrialRecord, folder, open_study
from search.tracking import Tracking, check_tracking, tracking_uri
from search.trial import TrialDivergedError, checkpoint_path, train_trial

Reason: TypeAlias = Literal["trials", "time", "interrupted"]
"""Why a search ended: its trials are done, its time is up, or a signal came."""

_RECURRING = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)
"""Errors that the same settings would raise again; others (a lost worker, a GPU's) are tried twice more."""

_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

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


@dataclass(frozen=True)
class _Job:
    """What every trial of a search shares, beside the data."""

    family: AnyFamily
    seed: int
    rungs: tuple[int, ...]
    epochs: int
    checkpoints: Path
    device: str


def run(
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
    with open_study(search, family, home, fingerprint) as study:
        num_before = study.num_finished
        tags = {"study": study.id, "fingerprint": fingerprint}
        tracking = Tracking(search, home, family.metrics[0], tags, study.records())
        recorder = Recorder(study, tracking, observer, family.metrics[0])
        limit = _Limit(study, search, recorder, slots)
        observer.search_started(
            trials=search.budget.trials,
            epochs=search.budget.epochs,
            seconds=limit.seconds_left,
            finished=study.counts(),
        )
        try:
            if limit.reason is None:
                job = _Job(
                    family=family,
                    seed=search.data.seed,
                    rungs=rungs(search.scheduler.first_rung, search.scheduler.reduction, search.budget.epochs),
                    epochs=search.budget.epochs,
                    checkpoints=folder(home, search.name) / "checkpoints",
                    device="cuda" if gpus else "cpu",
                )
                with _signals(limit):
                    _fit(study, search, recorder, limit, job, data, slots, {"cpu": cpus, "gpu": gpus})
        finally:
            messages = _wind_up(study, family, recorder, tracking, limit, job_folder=folder(home, search.name))
            observer.search_ended()
        limit.raise_failure()
        assert limit.reason is not None
        records = tuple(study.records())
        return Outcome(limit.reason, records, study.num_finished - num_before, study.seconds, tuple(messages))


def _fit(
    study: Study,
    search: SearchSpec,
    recorder: Recorder,
    limit: "_Limit",
    job: _Job,
    data: Any,
    slots: int,
    resources: dict[str, float],
) -> None:
    objective = job.family.metrics[0]
    events = _Events(recorder, job.checkpoints)
    ray_folder = job.checkpoints.parent / "ray"
    trainable = tune.with_resources(tune.with_parameters(_train, job=job, data=data), resources)
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
            max_failures=2,
            raise_on_failed_trial=False,
            callbacks=[events],
            stop=limit,
            verbose=0,
        )
    shutil.rmtree(ray_folder, ignore_errors=True)


def _train(config: dict[str, Any], job: _Job, data: Any) -> None:
    """Train one trial in a Ray worker; what would fail again is reported, what might not is raised."""
    last = 0

    def report(epoch: EpochReport) -> None:
        nonlocal last
        last = epoch.epoch
        tune.report(write_report(epoch))

    try:
        spec = job.family.spec_type.from_values(config["values"], f"trial {config['number']}")
        train_trial(
            job.family,
            spec,
            data,
            report,
            seed=job.seed,
            number=config["number"],
            checkpoints=job.checkpoints,
            device=job.device,
            rungs=job.rungs,
        )
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        tune.report(_failed(job, last, FULL_DISK, f"{error.strerror}: {error.filename or job.checkpoints}"))
    except TrialDivergedError as error:
        tune.report(_failed(job, last, FAILURE, str(error)))
    except _RECURRING as error:
        tune.report(_failed(job, last, FAILURE, f"{type(error).__name__}: {error}"))


def _failed(job: _Job, epoch: int, key: str, reason: str) -> dict[str, Any]:
    return {job.family.metrics[0].name: float("nan"), "epoch": epoch, key: reason.splitlines()[0]}


def _trial_folder(trial: Any) -> str:
    return str(trial.trial_id)


class _Events(tune.Callback):
    """Hears what the searcher does not: that a worker took a trial up, and why Ray gave one up."""

    def __init__(self, recorder: Recorder, checkpoints: Path) -> None:
        self._recorder, self._checkpoints = recorder, checkpoints
        self._trials: dict[str, Any] = {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record a start."""
        self._trials[trial.trial_id] = trial
        self._recorder.started(trial.config["number"], trial.config["values"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Remove a finished trial's checkpoint."""
        self._forget(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Remove a broken trial's checkpoint."""
        self._forget(trial)

    def _forget(self, trial: Any) -> None:
        self._trials.pop(trial.trial_id, None)
        if FULL_DISK not in (trial.last_result or {}):
            checkpoint_path(self._checkpoints, trial.config["number"]).unlink(missing_ok=True)

    def why(self, trial_id: str) -> str:
        """Give the reason for which Ray gave a trial up."""
        trial = self._trials.get(trial_id)
        error = trial.get_error() if trial is not None else None
        cause = getattr(error, "cause", None) or error
        text = str(cause).strip().splitlines()
        return f"given up after 3 attempts: {type(cause).__name__}: {text[-1] if text else ''}"[:500]


class _Limit(tune.Stopper):
    """Says when the search ends, and why."""

    def __init__(self, study: Study, search: SearchSpec, recorder: Recorder, slots: int) -> None:
        self._study, self._recorder = study, recorder
        self._trials, self._time = search.budget.trials, search.budget.time
        self._name = search.name
        self._signal = False
        self._num_doubtful = max(5, 2 * slots + 1)
        self._all_fail = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a stopper that stops nothing: Ray snapshots it, and nobody reads the snapshot."""
        return (tune.stopper.NoopStopper, ())

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Stop no single trial."""
        return False

    def stop_all(self) -> bool:
        """Say whether all trials must stop now."""
        self._doubt()
        return self._signal or bool(self._all_fail) or self._recorder.failure is not None or self.seconds_left == 0

    @property
    def seconds_left(self) -> float | None:
        """Time that is left, None without a limit."""
        return None if self._time is None else max(0.0, self._time - self._study.seconds)

    @property
    def reason(self) -> Reason | None:
        """Why the search ends; None while there is more to do."""
        if self._study.num_finished >= self._trials:
            return "trials"
        if self._signal:
            return "interrupted"
        return "time" if self.seconds_left == 0 else None

    def signalled(self) -> None:
        """Take note that the user, or the system, wants an end."""
        self._signal = True

    def _doubt(self) -> None:
        """Give up when every trial so far failed: what breaks them all is no matter of settings."""
        if not self._num_doubtful:
            return
        counts = self._study.counts()
        if counts.get("COMPLETE", 0) or counts.get("PRUNED", 0):
            self._num_doubtful = 0
        elif counts.get("FAIL", 0) >= self._num_doubtful:
            self._all_fail = next(record.reason for record in self._study.records() if record.state == "FAIL")

    def raise_failure(self) -> None:
        """Raise what broke the search, if anything did."""
        if self._recorder.failure is not None:
            error = self._recorder.failure
            raise BadInputError(
                f"a search needs room to write: {error.strerror or error} ({error.filename or 'its study'}); make room and "
                f"start it again: what is recorded is not lost (tunesmith search {self._name})"
            )
        if self._all_fail:
            raise BadInputError(f"the first trials all failed, so the search of {self._name} stopped: {self._all_fail}")


@contextmanager
def _signals(limit: _Limit) -> Iterator[None]:
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
    study: Study, family: AnyFamily, recorder: Recorder, tracking: Tracking, limit: _Limit, job_folder: Path
) -> list[str]:
    """Sweep, name the winner in MLflow, and remove checkpoints that nothing goes on from."""
    if recorder.failure is None:
        for number in study.sweep():
            recorder.interrupted(number)
    records = study.records()
    for record in records:
        if record.state in FINISHED:
            checkpoint_path(job_folder / "checkpoints", record.number).unlink(missing_ok=True)
    best = best_trials(records, family.metrics[0], 1)
    return tracking.close(best[0] if best else None, finished=limit.reason in ("trials", "time"))


def _quieten(slots: int) -> None:
    for name, value in _ENVIRONMENT.items():
        os.environ[name] = value
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(slots)
    for name in ("ray.tune", "ray.train", "ray.air"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
