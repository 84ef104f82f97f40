"""Record every event of a search on the driver: first in the study, then in MLflow and the observer."""

from collections.abc import Mapping

from models.family import EpochReport
from models.metrics import Metric
from models.spec import Value
from search.driver.failures import Failures
from search.study.observer import Observer
from search.study.states import StateName
from search.study.writer import Study
from search.tracking.thread import Tracking


class Recorder:
    """Writes events to the study, then passes them to MLflow and the observer."""

    def __init__(
        self, study: Study, tracking: Tracking, observer: Observer, objective: Metric, failures: Failures
    ) -> None:
        """Connect the study, the MLflow adapter and the observer; ``failures`` stores the errors that they raise."""
        self._study, self._tracking, self._observer = study, tracking, observer
        self._objective = objective.name
        self.failures = failures
        self._fresh: set[int] = set()
        self._num_before = study.num_finished
        self._stopped: set[int] = set()

    @property
    def num_finished(self) -> int:
        """Number of finished trials, those of earlier starts included."""
        return self._num_before + self.failures.ended.total()

    def started(self, number: int, values: Mapping[str, Value], confirms: int | None = None) -> None:
        """Record that a trial starts or resumes; ``confirms`` is the trial that it repeats with another seed."""
        if number in self._stopped:
            return
        with self.failures.guard():
            self._fresh.add(number)
            self._observer.trial_started(number, values, confirms)
            self._track(number)

    def epoch(self, number: int, report: EpochReport) -> None:
        """Record a trial's epoch."""
        if number in self._stopped:
            return  # it reported before its process ended
        with self.failures.guard():
            is_new = self._study.add_epoch(number, report)
            is_first = number in self._fresh
            self._fresh.discard(number)
            if is_first and not is_new:
                return  # a resumed trial repeats the report of its checkpoint's epoch
            score = report.metrics[self._objective]
            self._observer.epoch(number, report.epoch, score.mean, score.standard_error)
            if is_new:
                self._track(number)

    def ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Record a trial's end."""
        if number in self._stopped:
            return
        with self.failures.guard():
            self._study.finish(number, state, reason)
            self.failures.trial_ended(state, reason)
            self._observer.trial_ended(number, state, reason)
            self._track(number)

    def stopped(self, number: int, reason: str) -> None:
        """Record that a trial was stopped on request; ignore its later reports."""
        self.ended(number, "PRUNED", reason)
        self._stopped.add(number)

    def was_stopped(self, number: int) -> bool:
        """Return whether a trial was ended by :meth:`stopped` in this start."""
        return number in self._stopped

    def lost(self, number: int) -> None:
        """Record that a trial's process or node was lost: the trial waits to resume."""
        with self.failures.guard():
            self._study.wait(number)

    def message(self, note: str) -> None:
        """Show a trial's message to the user."""
        with self.failures.guard():
            self._observer.message(note)

    def swept(self) -> None:
        """Record that the search ends: a running trial waits to resume, or is complete if it has its full budget."""
        with self.failures.guard():
            for number in self._study.sweep():
                self._observer.trial_ended(number, self._study.record(number).state)
                self._track(number)

    def _track(self, number: int) -> None:
        self._tracking.put(self._study.record(number))
        for message in self._tracking.messages():
            self._observer.message(message)
