"""Where a search's trials save, over all its starts: the move to another storage, and models copied home.

A storage that many searches share has a folder for each, named by the study too, so that equal names do not clash.
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
from search.spec.whole_search import SearchSpec
from search.study.database import folder
from search.study.records import TrialRecord
from search.study.writer import Study
from search.trials.files import TrialFiles

STORAGE_KEY: Final = "storage"
"""The study's attribute with the storage of the last start, as in the search file."""

_PATIENCE = 120.0
"""Seconds for which a worker waits for an object store that does not answer."""

_FINISHING = 300.0
_STOPPING = 4.0
"""Seconds that the end of a search waits for its files; fewer if the user, or the system, wants it to end."""


@dataclass(frozen=True)
class MigratedFiles:
    """A search's files once they are where the search file wants them.

    Attributes:
        files: The trials' files for the driver.
        home: The search's own folder, where trained models are in the end.
        messages: For the user.
    """

    files: TrialFiles
    home: TrialFiles
    messages: tuple[str, ...]

    @property
    def for_workers(self) -> TrialFiles:
        """The same files for workers, which can wait for an object store."""
        where = self.files.place
        return TrialFiles(where.patient(_PATIENCE) if isinstance(where, BucketStore) else where)


def check_storage(search: SearchSpec) -> None:
    """Check that a search can save where its file says, before it starts.

    Args:
        search: The search.

    Raises:
        BadInputError: If it cannot.
    """
    if search.storage.url:
        check(store_at(search.storage.url))


def migrate_storage(study: Study, search: SearchSpec, home: Path) -> MigratedFiles:
    """Move what an earlier start saved elsewhere to where the search saves now.

    The study names the old storage until all of it is in the new one, so a move that was interrupted is repeated.

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
            moving = f"the trials of {search.name} saved in {before.place.label}, now {files.place.label}"
            remedy = f"{error.remedy}; {moving}" if error.remedy else moving
            raise UnusableStoreError(error.rule, error.value, error.where, remedy) from None
        if num_moved:
            trials = counted(num_moved, "trial")
            messages = (f"moved what {trials} saved from {before.place.label} to {files.place.label}",)
    if before_url != search.storage.url:
        study.optuna.set_user_attr(STORAGE_KEY, search.storage.url)
    with suppress(UnusableStoreError):  # what stays behind does no harm
        for number in saved:
            before.remove_states(number)
    return MigratedFiles(files, own, messages)


def _copy(records: Sequence[TrialRecord], before: TrialFiles, now: TrialFiles, own: TrialFiles) -> tuple[set[int], int]:
    """Copy models home and what unfinished trials saved; return whose states were there, and how many were copied."""
    waiting = {record.number for record in records if not record.is_final}
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
    """Return the full trials whose model is not at home."""
    return [trial.number for trial in records if trial.state == "COMPLETE" and not own.has_model(trial.number)]


class CheckpointCollector:
    """Copies the models of full trials home and removes the checkpoints of finished trials.

    It has a thread of its own, for an object store may be slow and Ray's loop must not wait.
    """

    def __init__(self, settled: MigratedFiles, records: Iterable[TrialRecord]) -> None:
        """Start with what earlier starts left to do.

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
        """Collect the files of a finished trial."""
        self._trials.put(number)

    def close(self, records: Iterable[TrialRecord], *, hurry: bool) -> list[str]:
        """Do what is left to do, and stop.

        Args:
            records: All trials in the end.
            hurry: Whether the search must end now; the next start does what is left.

        Returns:
            Messages for the user.
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
            f"not all files of finished trials were copied home from {where} ({self._problem}): the next start does it"
        ]

    def _work(self) -> None:
        while (number := self._trials.get()) is not None:
            with suppress(OSError, UnusableStoreError):  # it is retried at the end
                self._collect(number)
        try:
            for number in self._lacking(self._records):
                self._files.move_model(number, self._home)
            finished = {record.number for record in self._records if record.is_final}
            for number in self._files.states() & finished:
                self._files.remove_states(number)
        except (OSError, UnusableStoreError) as error:
            self._problem = one_line(error)

    def _collect(self, number: int) -> None:
        if self._files != self._home:
            self._files.move_model(number, self._home)
        self._files.remove_states(number)

    def _lacking(self, records: Iterable[TrialRecord]) -> list[int]:
        return _lacking(records, self._home) if self._files != self._home else []
