"""The thread that writes a search to MLflow while the search goes on, whatever becomes of MLflow."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from models.metrics import Metric
from search.passwords import first_line, without_password
from search.spec.file import SearchSpec
from search.study.records import TrialRecord
from search.tracking.runs import Mirror, check_tracking, quieten, tracking_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PAUSE_S, _RETRY_S = 0.25, 5.0


@dataclass(frozen=True)
class _Ending:
    winner: TrialRecord | None
    finished: bool
    pictures: Sequence[tuple[str, "Figure"]]


class Tracking:
    """Mirrors a search's trials into MLflow; nothing it does raises on the caller's side."""

    def __init__(
        self, search: SearchSpec, home: Path, objective: Metric, tags: Mapping[str, str], records: Sequence[TrialRecord]
    ) -> None:
        """Start the thread.

        Args:
            search: The search.
            home: The home folder.
            objective: The metric that is searched for.
            tags: What is known of the study, ``study`` (its id) among it; by that its runs are found again.
            records: All trials so far; what MLflow lacks of them is written.

        Raises:
            BadInputError: If the store cannot be used.
        """
        self._search, self._home, self._objective, self._tags = search, home, objective, tags
        self._uri = tracking_uri(search, home)
        check_tracking(self._uri)
        quieten()
        self._lock = threading.Lock()
        self._pending: dict[int, TrialRecord] = {record.number: record for record in records}
        self._messages: list[str] = []
        self._ending: _Ending | None = None
        self._wake = threading.Event()
        self._lost = self._done = False
        self._num_written = 0
        self._begun = threading.Event()
        self._mirror: Mirror | None = None
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def put(self, record: TrialRecord) -> None:
        """Have a trial's newest record written soon."""
        with self._lock:
            self._pending[record.number] = record
        self._begun.set()

    @property
    def place(self) -> str:
        """The store, as it may be shown."""
        return without_password(self._uri)

    @property
    def ended(self) -> bool:
        """Whether the store has everything, the end included."""
        return self._done

    def messages(self) -> list[str]:
        """Take what a user must be told."""
        with self._lock:
            messages, self._messages = self._messages, []
        return messages

    def close(
        self,
        winner: TrialRecord | None,
        *,
        finished: bool,
        pictures: Sequence[tuple[str, "Figure"]] = (),
        patience_s: float = 30.0,
    ) -> list[str]:
        """Write what is left and end the parent run.

        Args:
            winner: The best full trial; its run gets its learning curve and its settings.
            finished: Whether the search is finished, not interrupted.
            pictures: Names and figures for the winner's run.
            patience_s: How long to wait for a store that takes nothing; one that is only slow is waited for.

        Returns:
            What a user must be told.
        """
        self._ending = _Ending(winner, finished, pictures)
        self._wake.set()
        self._begun.set()
        written = -1
        while self._thread.is_alive() and written < self._num_written:
            written = self._num_written
            self._thread.join(patience_s)
        if not self._done:
            self._say(
                "MLflow lacks the newest of this search: it is written at the search's next start, from the study"
                + (", once MLflow can be written" if self._lost else "")
            )
        return self.messages()

    def _say(self, text: str) -> None:
        with self._lock:
            self._messages.append(text)

    def _work(self) -> None:
        self._begun.wait()  # importing MLflow and making its tables must not slow the workers' start
        while True:
            ending = self._ending  # read before the records are taken: none is put after it
            written = self._attempt(self._write_pending)
            if ending is not None:
                if written:
                    self._attempt(partial(self._end, ending))
                return
            self._wake.wait(_RETRY_S if self._lost else _PAUSE_S)

    def _attempt(self, write: Callable[[], None]) -> bool:
        try:
            write()
        except Exception as error:  # noqa: BLE001  (whatever MLflow raises, the search goes on)
            if not self._lost:
                reason = first_line(error, self._uri)
                self._say(f"MLflow cannot be written ({reason}); the search goes on and writes it later")
            self._lost = True
            return False
        if self._lost:
            self._say("MLflow is written again")
        self._lost = False
        return True

    def _write_pending(self) -> None:
        """Write by turns: a store that falls behind slows a search that goes on by half, no more late than early."""
        with self._lock:
            records, self._pending = self._pending, {}
        try:
            if self._mirror is None:
                self._mirror = Mirror(self._search, self._home, self._uri, self._objective, self._tags)
            for number in sorted(records):
                began = time.monotonic()
                self._mirror.write(records[number])
                del records[number]
                self._num_written += 1
                self._wake.wait(time.monotonic() - began)
        finally:
            with self._lock:
                self._pending = {**records, **self._pending}

    def _end(self, ending: _Ending) -> None:
        assert self._mirror is not None
        self._mirror.end(ending.winner, finished=ending.finished, pictures=ending.pictures)
        self._done = True
