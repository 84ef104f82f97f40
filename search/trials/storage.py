"""Where a search's trials save, over all its starts: the move from one storage to another, and models coming home.

A storage that many searches share has a folder for each, named by the study too, so that equal names do not meet.
"""

import queue
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_prep.errors import one_line
from data_prep.storage.bucket_store import BucketStore
from data_prep.storage.folder_store import FolderStore
from data_prep.storage.object_store import UnusableStoreError
from data_prep.storage.probes import check
from data_prep.storage.urls import store_at
from data_prep.wording import counted
from search.spec.file import SearchSpec
from search.study.database import FINISHED, Study, folder
from search.study.records import TrialRecord
from search.trials.files import TrialFiles

STORAGE_KEY: Final = "storage"
"""The study's attribute with the storage of the last start, as in the search file."""

_PATIENCE = 120.0
"""Seconds for which a worker waits for an object store that does not answer."""

_FINISHING = 300.0
_STOPPING = 4.0
"""Seconds that the end of a search waits for its files; less where the user, or the system, wants an end."""


@dataclass(frozen=True)
class Settled:
    """A search's files once they are where its file wants them.

    Attributes:
        files: The trials' files for the driver.
        home: The search's own folder, where trained models lie in the end.
        messages: What a user must be told.
    """

    files: TrialFiles
    home: TrialFiles
    messages: tuple[str, ...]

    @property
    def for_workers(self) -> TrialFiles:
        """The same files for who can wait."""
        where = self.files.place
        return TrialFiles(where.patient(_PATIENCE) if isinstance(where, BucketStore) else where)


def check_storage(search: SearchSpec) -> None:
    """See that a search can save where its file says, before it begins.

    Args:
        search: The search.

    Raises:
        BadInputError: If it cannot.
    """
    if search.storage.url:
        check(store_at(search.storage.url))


def settle(study: Study, search: SearchSpec, home: Path) -> Settled:
    """Bring what an earlier start saved elsewhere to where the search saves now.

    The study names the old storage until all of it is in the new one, so a move that is cut off is done again.

    Args:
        study: The search's study, held and swept.
        search: The search.
        home: The home folder.

    Returns:
        The files.

    Raises:
        BadInputError: If the old storage or the new one cannot be used.
    """
    own = TrialFiles(FolderStore(folder(home, search.name)))
    before_url = str(study.optuna.user_attrs.get(STORAGE_KEY, ""))
    files, before = (
        TrialFiles(store_at(url).below(f"{search.name}-{study.id[:8]}")) if url else own
        for url in (search.storage.url, before_url)
    )
    messages: tuple[str, ...] = ()
    saved: set[int] = set()
    if files != before:
        try:
            saved, num_moved = _copy(study.records(), before, files, own)
        except UnusableStoreError as error:
            raise UnusableStoreError(
                f"{error}; the trials of {search.name} saved in {before.place.label} and go to {files.place.label}"
            ) from None
        if num_moved:
            trials = counted(num_moved, "trial")
            messages = (f"moved what {trials} saved from {before.place.label} to {files.place.label}",)
    if before_url != search.storage.url:
        study.optuna.set_user_attr(STORAGE_KEY, search.storage.url)
    with suppress(UnusableStoreError):  # what stays behind is in nobody's way
        for number in saved:
            before.remove_states(number)
    return Settled(files, own, messages)


def _copy(records: Sequence[TrialRecord], before: TrialFiles, now: TrialFiles, own: TrialFiles) -> tuple[set[int], int]:
    """Bring models home and copy what unfinished trials saved; give whose states were there, and how many went."""
    waiting = {one.number for one in records if one.state not in FINISHED}
    lacking = _lacking(records, own)
    if not waiting and not lacking:
        return set(), 0
    saved = before.states()
    for number in lacking:
        before.move_model(number, own)
    for number in saved & waiting:
        before.copy_states(number, now)
    return saved, len(saved & waiting)


def _lacking(records: Iterable[TrialRecord], own: TrialFiles) -> list[int]:
    """Give the full trials whose model is not at home."""
    return [one.number for one in records if one.state == "COMPLETE" and not own.has_model(one.number)]


class Caretaker:
    """Brings the models of full trials home and removes what finished trials saved.

    It does so on a thread of its own, for an object store may take its time and Ray's loop must not wait.
    """

    def __init__(self, settled: Settled, records: Iterable[TrialRecord]) -> None:
        """Begin with what earlier starts left to do.

        Args:
            settled: The search's files.
            records: Its trials.
        """
        self._files, self._home = settled.files, settled.home
        self._trials: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._records: tuple[TrialRecord, ...] = ()
        self._problem = ""
        for number in self._lacking(records):
            self._trials.put(number)
        self._thread = threading.Thread(target=self._work, name="trial files", daemon=True)
        self._thread.start()

    def finished(self, number: int) -> None:
        """Look after a trial that goes on no more."""
        self._trials.put(number)

    def close(self, records: Iterable[TrialRecord], *, hurry: bool) -> list[str]:
        """Do what is left to do, and stop.

        Args:
            records: All trials in the end.
            hurry: Whether the search must end now; what is not done by then is left to the next start.

        Returns:
            What a user must be told.
        """
        self._records = tuple(records)
        self._trials.put(None)
        self._thread.join(_STOPPING if hurry else _FINISHING)
        if self._thread.is_alive():
            self._problem = "it takes too long"
        if not self._problem:
            return []
        where = self._files.place.label
        return [
            f"not all files of finished trials were brought home from {where} ({self._problem}): the next start does it"
        ]

    def _work(self) -> None:
        while (number := self._trials.get()) is not None:
            with suppress(OSError, UnusableStoreError):  # it is tried again in the end
                self._look_after(number)
        try:
            for number in self._lacking(self._records):
                self._files.move_model(number, self._home)
            finished = {one.number for one in self._records if one.state in FINISHED}
            for number in self._files.states() & finished:
                self._files.remove_states(number)
        except (OSError, UnusableStoreError) as error:
            self._problem = one_line(error)

    def _look_after(self, number: int) -> None:
        if self._files != self._home:
            self._files.move_model(number, self._home)
        self._files.remove_states(number)

    def _lacking(self, records: Iterable[TrialRecord]) -> list[int]:
        return _lacking(records, self._home) if self._files != self._home else []
