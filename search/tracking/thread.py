"""The thread that writes a search to MLflow. The search continues whether or not MLflow can be reached."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from models.metrics import Metric
from search.passwords import first_line, without_password
from search.spec.file import SearchSpec
from search.study.records import TrialRecord
from search.tracking.client import check_tracking, quieten, tracking_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from search.tracking.runs import RunWriter

_PAUSE_S, _RETRY_S = 0.25, 5.0

_FIRST_EPOCH_S = 30.0
"""Longest time to wait for a first epoch (seconds); until then, trials that are running are not in MLflow."""


class Tracking:
    """Writes a search's trials to MLflow. After the constructor, nothing raises on the caller's thread."""

    def __init__(
        self,
        search: SearchSpec,
        home: Path,
        objective: Metric,
        tags: Mapping[str, str],
        records: Sequence[TrialRecord],
        counts: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Start the thread.

        Args:
            search: The search.
            home: The home folder.
            objective: The metric that is optimised.
            tags: The study's tags. ``study``, its id, is the tag by which the runs are found again, ``fingerprint`` the
                digest of the data.
            records: All trials so far; those that MLflow does not have yet are written.
            counts: The numbers of pieces and notes of the data, as far as they are known.

        Raises:
            BadInputError: If the store cannot be used.
        """
        self._search, self._home, self._objective, self._tags, self._counts = search, home, objective, tags, counts
        self._uri = tracking_uri(search, home)
        check_tracking(self._uri)
        quieten()
        self._lock = threading.Lock()
        self._pending: dict[int, TrialRecord] = {record.number: record for record in records}
        self._messages: list[str] = []
        self._ending: Callable[[], None] | None = None
        self._wake = threading.Event()
        self._failed = self._lost = self._done = False
        self._num_written = 0
        self._begun = threading.Event()
        self._writer: RunWriter | None = None
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def put(self, record: TrialRecord) -> None:
        """Queue a trial's newest record to be written soon."""
        with self._lock:
            self._pending[record.number] = record
        if record.epochs:
            self._begun.set()

    def change(self, search: SearchSpec) -> None:
        """Write another budget of the search soon."""
        self._search = search

    @property
    def place(self) -> str:
        """The store's URI without its password."""
        return without_password(self._uri)

    @property
    def ended(self) -> bool:
        """Whether everything was written, including the end of the search."""
        return self._done

    def messages(self) -> list[str]:
        """Return the messages for the user since the last call."""
        with self._lock:
            messages, self._messages = self._messages, []
        return messages

    def close(
        self,
        winner: TrialRecord | None,
        *,
        finished: bool,
        pictures: Sequence[tuple[str, "Figure"]] = (),
        front: Sequence[tuple[str, "Figure"]] = (),
        patience_s: float = 30.0,
    ) -> list[str]:
        """Write what is left and end the parent run.

        Args:
            winner: The best full trial. Its learning curve and its hyperparameters are logged.
            finished: Whether the search is finished, not interrupted.
            pictures: Names and figures for the winner's run.
            front: Names and figures for the search's run.
            patience_s: Seconds to wait without progress. A store that is only slow is waited for.

        Returns:
            Messages for the user.
        """

        def end() -> None:
            self._ready_writer().end(winner, finished=finished, pictures=pictures, front=front)
            self._done = True

        self._ending = end
        self._wake.set()
        self._begun.set()
        written = -1
        while self._thread.is_alive() and written < self._num_written:
            written = self._num_written
            self._thread.join(patience_s)
        if not self._done:
            self._say(
                "MLflow does not have the latest results of this search; they are written from the study when the "
                f"search is next started{' and MLflow can be written' if self._lost else ''}"
            )
        return self.messages()

    def _say(self, text: str) -> None:
        with self._lock:
            self._messages.append(text)

    def _work(self) -> None:
        self._begun.wait(_FIRST_EPOCH_S)  # importing MLflow and creating its tables would delay the first epoch
        while True:
            ending = self._ending  # read before the queue: no record is queued after it is set
            written = self._attempt(self._write_pending)
            if ending is not None:
                if written:
                    self._attempt(ending)
                return
            self._wake.wait(_RETRY_S if self._lost else _PAUSE_S)

    def _attempt(self, write: Callable[[], None]) -> bool:
        for is_last in (False, True):
            try:
                write()
                break
            except Exception as error:  # noqa: BLE001  (the search continues after any error of MLflow)
                self._failed = True
                if is_last:
                    self._tell_loss(error)
                    return False
            time.sleep(_PAUSE_S)
        if self._lost:
            self._say("MLflow can be written again")
        self._lost = False
        return True

    def _tell_loss(self, error: Exception) -> None:
        if not self._lost:
            reason = first_line(error, self._uri)
            self._say(f"MLflow cannot be written ({reason}); the search continues and writes to MLflow later")
        self._lost = True

    def _write_pending(self) -> None:
        """Write the queued records, and pause after each for as long as its writing took.

        So a slow store slows the search by at most half at any time.
        """
        with self._lock:
            records, self._pending = self._pending, {}
        try:
            writer = self._ready_writer()
            for number in sorted(records):
                began = time.monotonic()
                writer.write(records[number])
                del records[number]
                self._num_written += 1
                self._wake.wait(time.monotonic() - began)
        finally:
            with self._lock:
                self._pending = {**records, **self._pending}

    def _ready_writer(self) -> "RunWriter":
        from search.tracking.runs import RunWriter

        if self._writer is None:
            self._writer = RunWriter(self._search, self._home, self._uri, self._objective, self._tags, self._counts)
        elif self._failed:
            self._writer.find_runs()
        self._failed = False
        self._writer.change(self._search)
        return self._writer
