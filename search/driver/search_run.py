"""One start of a search on a connected Ray, from opening the study to the result."""

import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from data_prep.errors import one_line
from models.metrics import Metric
from models.spec import Value
from search.control.mailbox import Mailbox
from search.driver.convergence import Convergence
from search.driver.failures import Failures
from search.driver.limit import Limit, Reason, StopRequest
from search.driver.ray_tune import TrialEvents, fit, quieten
from search.driver.recorder import Recorder
from search.driver.requests import Requests
from search.driver.scheduler import ResumableScheduler, make_scheduler
from search.driver.searcher import StudySearcher
from search.driver.worker import TrialSetup, train
from search.spec.file import AnyFamily
from search.spec.sections import Budget
from search.spec.whole_search import SearchSpec
from search.study.database import folder, open_study, write_search
from search.study.lease import StudyLostError, Waiting
from search.study.observer import Observer
from search.study.records import ExpectedGain, TakenPoints, TrialRecord
from search.study.report import best_trials, configurations, costed_trials
from search.study.writer import Study
from search.tracking.client import check_tracking, tracking_uri
from search.tracking.thread import Tracking
from search.trials.files import model_path
from search.trials.storage import CheckpointCollector, check_storage, migrate_storage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_tune: Any = tune  # partly untyped

_SHOWN_KEY = "shown"
"""The study attribute with the trial whose pictures are in MLflow, so that they are drawn only once."""


@dataclass(frozen=True)
class SearchTask:
    """A search with its data.

    Attributes:
        search: The search.
        family: Its family.
        data: The family's prepared data.
        fingerprint: The data's fingerprint.
        home: The home folder; on a cluster, a folder that every node can access.
        taken: The points that a new search takes from other searches; None if there are none, or it was started.
    """

    search: SearchSpec
    family: AnyFamily
    data: Any
    fingerprint: str
    home: Path
    taken: TakenPoints | None = None

    @property
    def objective(self) -> Metric:
        """The metric that is optimised."""
        return self.family.metrics[0]

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of pieces and notes of the data, as far as its kind has them."""
        names = ("num_pieces", "num_notes")
        return {name: int(getattr(self.data, name)) for name in names if hasattr(self.data, name)}

    @property
    def folder(self) -> Path:
        """The search's own folder."""
        return folder(self.home, self.search.name)


@dataclass(frozen=True)
class Workers:
    """The resources of trials.

    Attributes:
        slots: Number of parallel trials at the start.
        cpus: Processors per trial.
        gpus: GPUs per trial.
        capacity: Returns the current number of parallel trials, as nodes come and go; an error that it raises ends the
            search. None means always ``slots``, on a local Ray.
    """

    slots: int
    cpus: int = 1
    gpus: float = 0.0
    capacity: Callable[[], int] | None = None


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Attributes:
        reason: Why it ended.
        trials: All its trials, including those of earlier starts.
        num_new: Number of trials that this start finished.
        ran: Whether this start had any budget left.
        seconds: Time spent on the search over all starts.
        messages: Messages for the user about results that could not be written.
        budget: The budget in the end, which may have been changed while the search ran.
        warm_points: The points that it took from other searches at its first start.
        expected_gain: What further trials are expected to gain; None if there are too few trials.
        is_tracked: Whether MLflow has everything.
    """

    reason: Reason
    trials: tuple[TrialRecord, ...]
    num_new: int
    ran: bool
    seconds: float
    messages: tuple[str, ...]
    budget: Budget
    warm_points: tuple[Mapping[str, Value], ...] = ()
    expected_gain: ExpectedGain | None = None
    is_tracked: bool = True


def run(
    task: SearchTask,
    observer: Observer,
    workers: Workers,
    *,
    began: float | None = None,
    later: Callable[[], float] = float,
) -> SearchResult:
    """Start or resume a search and run it up to its budget.

    Args:
        task: The search and its data.
        observer: Shows the progress.
        workers: The resources of trials.
        began: The ``time.monotonic`` at which the search's time began; None for now.
        later: Returns how much of the search's time the caller's work after training needs (seconds).

    Returns:
        The result; immediately if the search is finished.

    Raises:
        BadInputError: If it cannot start (see :func:`database.open_study`), the tracking store cannot be used, the
            disk is full, or the first trials all fail.
    """
    quieten()
    check_tracking(tracking_uri(task.search, task.home))
    check_storage(task.search)
    stop = StopRequest()
    waiting = Waiting(observer.message, lambda: stop.made)
    with open_study(task.search, task.family, task.home, task.fingerprint, waiting, began, task.taken) as study:
        return SearchRun(task, study, observer, workers, stop, later).run()


class SearchRun:
    """A running search: connects its study, recorder, limit and files."""

    def __init__(
        self,
        task: SearchTask,
        study: Study,
        observer: Observer,
        workers: Workers,
        stop: StopRequest,
        later: Callable[[], float],
    ) -> None:
        """Set up everything around an open study.

        Args:
            task: The search and its data.
            study: Its study, held by this process.
            observer: Shows the progress.
            workers: The resources of trials.
            stop: The request to end the search.
            later: See :func:`run`.
        """
        self._task, self._study, self._observer, self._workers, self._stop = task, study, observer, workers, stop
        self._files = migrate_storage(study, task.search, task.home)
        self._num_before = study.num_finished
        tags = {"study": study.id, "fingerprint": task.fingerprint}
        self._tracking = Tracking(task.search, task.home, task.objective, tags, study.records(), task.counts)
        self._failures = Failures(workers.slots)
        self._recorder = Recorder(study, self._tracking, observer, task.objective, self._failures)
        self._convergence = Convergence(study, task.objective, lambda: self._recorder.num_finished, observer)
        self._limit = Limit(study, self._failures, stop, later, self._convergence)
        self._requests = Requests(Mailbox(task.folder), study, self._recorder, self._failures, self._change_budget)
        self._announce()
        self._checkpoints = CheckpointCollector(self._files, study.records())

    def run(self) -> SearchResult:
        """Use up the budget and return the result."""
        study, name = self._study, self._task.search.name
        try:
            scheduler = make_scheduler(self._task.search, self._task.objective, study.records())
            for number in scheduler.overdue:
                self._recorder.ended(number, "PRUNED")
            if ran := self._limit.reason is None:
                with _stopped_by_signals(self._stop):
                    self._train(scheduler)
        finally:
            self._convergence.close()
            self._requests.close()
            messages = self._wind_up()
            self._observer.search_ended()
        self._failures.raise_error(name)
        records, reason = tuple(study.records()), self._limit.reason
        waiting = any(record.state == "WAITING" for record in records)
        is_over = reason in ("trials", "converged") or (reason == "time" and not waiting)
        budget = study.search.budget
        self._failures.raise_if_all_failed(name, records, budget.trials, is_over=is_over)
        assert reason is not None
        if reason == "time":
            study.keep_seconds(budget.time or 0.0)
        num_new = study.num_finished - self._num_before
        return SearchResult(
            reason,
            records,
            num_new,
            ran,
            study.seconds,
            tuple(messages),
            budget,
            study.warm_points,
            study.expected_gain,
            self._tracking.ended,
        )

    def _announce(self) -> None:
        """Show the budget, the moved files, and the best trial of earlier starts."""
        budget, objective = self._task.search.budget, self._task.objective
        self._observer.search_started(
            trials=budget.trials, epochs=budget.epochs, seconds=self._limit.seconds_left, finished=self._study.counts()
        )
        for message in self._files.messages:
            self._observer.message(message)
        for best in configurations(self._study.records(), objective)[:1]:
            self._observer.best_before(best.trial.number, best.score.mean, best.score.standard_error)

    def _change_budget(self, budget: Budget) -> None:
        """Change the budget while the search runs, first where the next start reads it."""
        search = self._study.search.model_copy(update={"budget": budget})
        write_search(search, self._task.folder)
        self._study.change_budget(budget)
        self._tracking.change(search)
        self._observer.budget_changed(trials=budget.trials, seconds=self._limit.seconds_left)

    def _train(self, scheduler: ResumableScheduler) -> None:
        """Train trials with Ray Tune until the search ends."""
        task, workers = self._task, self._workers
        setup = TrialSetup(
            family=task.family,
            seed=task.search.data.seed,
            save_after=task.search.scheduler.checkpoint_epochs(task.search.budget.epochs),
            snapshots=task.search.storage.snapshots,
            first_folds=None if workers.gpus else task.search.scheduler.first_folds(task.search.budget.epochs),
            files=self._files.for_workers,
            device="cuda" if workers.gpus else "cpu",
            gpus=workers.gpus,
            backend=task.search.resources.backend,
        )
        trainable = _tune.with_parameters(train, setup=setup, data=task.data)
        capacity = workers.capacity or (lambda: workers.slots)
        fit(
            _tune.with_resources(trainable, {"cpu": workers.cpus, "gpu": workers.gpus}),
            StudySearcher(
                self._study,
                task.search,
                task.objective,
                self._recorder,
                capacity,
                self._limit.seconds_to_train,
                lambda: self._convergence.converged,
            ),
            scheduler,
            TrialEvents(self._recorder, self._limit, self._checkpoints, self._requests),
            task.folder / "ray",
            is_local=workers.capacity is None,
        )

    def _wind_up(self) -> list[str]:
        """Sweep, collect the files of finished trials, and mark the winner in MLflow; return messages for the user."""
        if self._failures.error is None:
            self._recorder.swept()
        if isinstance(self._failures.error, StudyLostError):
            return self._tracking.close(None, finished=False, patience_s=5.0)
        records, finished = self._study.records(), self._limit.reason in ("trials", "converged", "time")
        winner = next(iter(best_trials(records, self._task.objective, 1)), None)
        messages = self._checkpoints.close(records, hurry=not finished)
        pictures: list[tuple[str, Figure]] | None = []
        front: list[tuple[str, Figure]] = []
        shown = f"{winner.number} in {self._tracking.place}" if winner is not None and finished else None
        if winner is not None and shown not in (None, self._study.optuna.user_attrs.get(_SHOWN_KEY)):
            pictures, front = self._pictures(winner, messages), [("front_seconds", self._front(records))]
        messages += self._tracking.close(winner, finished=finished, pictures=pictures or (), front=front)
        if front and pictures is not None and self._tracking.ended:
            self._study.optuna.set_user_attr(_SHOWN_KEY, shown)
        return messages

    def _front(self, records: Sequence[TrialRecord]) -> "Figure":
        """Draw quality against training time; parameters are not counted here, because that imports torch."""
        from search.tracking.front_picture import front_picture  # matplotlib is slow to import

        objective = self._task.objective
        costed = costed_trials(records, objective, {each.number: each.seconds_per_epoch for each in records})
        return front_picture(costed, objective, self._task.search.name, "seconds per epoch of all folds")

    def _pictures(self, winner: TrialRecord, messages: list[str]) -> "list[tuple[str, Figure]] | None":
        """Draw the winner's pictures; if that fails, add a message and return None: the search itself succeeded."""
        model = model_path(self._task.folder, winner.number)
        if not model.exists():
            return []
        try:
            return list(self._task.family.pictures(model, self._task.data))
        except Exception as error:  # noqa: BLE001  (drawing may raise anything)
            messages.append(f"the winner's pictures could not be drawn ({one_line(error)})")
            return None


@contextmanager
def _stopped_by_signals(stop: StopRequest) -> Generator[None]:
    """End the search cleanly at the first Ctrl-C or SIGTERM, and immediately at a second Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: object) -> None:
        del number, frame
        stop.made = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
