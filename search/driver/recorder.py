"""The one funnel on the driver through which every event of a search goes: first the study, then whoever looks on.

A disk that is full must end the search cleanly, not kill it from inside a library's loop: the first error is kept and
raised when the loop is left.
"""

import errno
import os
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from data_prep.storage.object_store import UnusableStoreError
from models.family import EpochReport
from models.metrics import Metric
from models.spec import Value
from search.study.database import Study
from search.study.progress import Observer, State
from search.tracking.thread import Tracking


class Recorder:
    """Writes events to the study, then tells the tracker and the observer.

    Attributes:
        failure: The first error among all that, None while all is well; it ends the search.
        ended_now: Trials that this start finished, by state.
        first_failure: Why the first of them that failed did so.
    """

    def __init__(self, study: Study, tracking: Tracking, observer: Observer, objective: Metric) -> None:
        """Connect the study, the MLflow adapter and the observer."""
        self._study, self._tracking, self._observer = study, tracking, observer
        self._objective = objective.name
        self._fresh: set[int] = set()
        self.failure: Exception | None = None
        self.ended_now: Counter[State] = Counter()
        self.first_failure = ""
        self._num_before = study.num_finished

    @property
    def num_finished(self) -> int:
        """Number of finished trials, those of earlier starts included."""
        return self._num_before + self.ended_now.total()

    @contextmanager
    def guard(self) -> Generator[None]:
        """Keep an error, for an exception would be lost, or worse, inside Ray's loop."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (it is raised again when the loop is left)
            self.failure = self.failure or error

    def started(self, number: int, values: Mapping[str, Value]) -> None:
        """A trial begins, or goes on."""
        with self.guard():
            self._fresh.add(number)
            self._observer.trial_started(number, values)
            self._track(number)

    def epoch(self, number: int, report: EpochReport) -> None:
        """A trial reported an epoch."""
        with self.guard():
            is_new = self._study.add_epoch(number, report)
            is_first = number in self._fresh
            self._fresh.discard(number)
            if is_first and not is_new:
                return  # the epoch that it was saved at, which it reports again, for it may have died in between
            score = report.metrics[self._objective]
            self._observer.epoch(number, report.epoch, score.mean, score.standard_error)
            if is_new:
                self._track(number)

    def ended(self, number: int, state: State, reason: str = "") -> None:
        """A trial finished."""
        with self.guard():
            self._study.finish(number, state, reason)
            self.ended_now[state] += 1
            if state == "FAIL":
                self.first_failure = self.first_failure or reason
            self._observer.trial_ended(number, state, reason)
            self._track(number)

    def lost(self, number: int) -> None:
        """A trial's process or machine is gone: it waits to go on."""
        with self.guard():
            self._study.wait(number)

    def told(self, note: str) -> None:
        """A trial has something for the user."""
        with self.guard():
            self._observer.message(note)

    def disk_is_full(self, place: str) -> None:
        """A trial could not save."""
        self.failure = self.failure or OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), place)

    def place_is_unusable(self, reason: str) -> None:
        """A trial could not save, or not read what it goes on from."""
        self.failure = self.failure or UnusableStoreError(reason)

    def swept(self) -> None:
        """The search ends: what still runs waits to go on, or turns out to have its full budget."""
        with self.guard():
            for number in self._study.sweep():
                self._observer.trial_ended(number, self._study.record(number).state)
                self._track(number)

    def _track(self, number: int) -> None:
        self._tracking.put(self._study.record(number))
        for message in self._tracking.messages():
            self._observer.message(message)
