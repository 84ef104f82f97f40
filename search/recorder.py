"""The one funnel on the driver through which every event of a search goes: first the study, then whoever looks on.

A disk that is full must end the search cleanly, not kill it from inside a library's loop: the first failed write is kept
and asked for later.
"""

from collections.abc import Mapping

from models.family import EpochReport
from models.metrics import Metric
from models.spec import Value
from search.progress import Observer, State
from search.study import Study, TrialRecord
from search.tracking import Tracking


class Recorder:
    """Writes events to the study, then tells the tracker and the observer.

    Attributes:
        failure: The first write that failed, None while all is well.
    """

    def __init__(self, study: Study, tracking: Tracking | None, observer: Observer, objective: Metric) -> None:
        """Connect the study, the MLflow adapter (None: off) and the observer."""
        self._study, self._tracking, self._observer = study, tracking, observer
        self._objective = objective.name
        self.failure: OSError | None = None

    def started(self, number: int, values: Mapping[str, Value]) -> None:
        """A trial begins, or goes on."""
        self._observer.trial_started(number, values)
        self._track(self._study.record(number))

    def epoch(self, number: int, report: EpochReport) -> None:
        """A trial reported an epoch."""
        try:
            is_new = self._study.add_epoch(number, report)
        except OSError as error:
            self.failure = self.failure or error
            return
        score = report.metrics[self._objective]
        self._observer.epoch(number, report.epoch, score.mean, score.standard_error)
        if is_new:
            self._track(self._study.record(number))

    def ended(self, number: int, state: State, reason: str = "") -> None:
        """A trial finished."""
        try:
            self._study.finish(number, state, reason)
        except OSError as error:
            self.failure = self.failure or error
            return
        self._observer.trial_ended(number, state, reason)
        self._track(self._study.record(number))

    def interrupted(self, number: int) -> None:
        """A trial was cut off and waits to go on, or turned out to have its full budget."""
        record = self._study.record(number)
        self._observer.trial_ended(number, record.state)
        self._track(record)

    def _track(self, record: TrialRecord) -> None:
        if self._tracking is not None:
            self._tracking.put(record)
            for message in self._tracking.messages():
                self._observer.message(message)
