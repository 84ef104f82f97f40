"""The storage of a search's trials: moving it between starts, and collecting trained models in the search's folder.

A shared storage has a folder per search, whose name contains the study's id, so that equal names do not collide.
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
"""The study attribute with the storage of the last start, as in the search file."""

_PATIENCE = 120.0
"""How long a worker waits for an object store that does not answer (seconds)."""

_FINISHING = 300.0
_STOPPING = 4.0
"""How long a finished and an interrupted search wait for their files (seconds)."""


@dataclass(frozen=True)
class MigratedFiles:
    """A search's files in the storage that its search file names.

    Attributes:
        files: The trials' files for the driver.
        home: The files in the search's own folder, where trained models are moved in the end.
        messages: Messages for the user.
    """

    files: TrialFiles
    home: TrialFiles
    messages: tuple[str, ...]

    @property
    def for_workers(self) -> TrialFiles:
        """The same files for workers, which wait longer for an object store."""
        where = self.files.place
        return TrialFiles(where.patient(_PATIENCE) if isinstance(where, BucketStore) else where)


def place_in(url: str, study: str, study_id: str) -> FolderStore | BucketStore:
    """Return the place of a search's files in a shared storage.

    Args:
        url: The storage, as in the search file.
        study: The name of the search's study, which stays the same if the search gets another name.
        study_id: The study's unique id.

    Returns:
        The place.
    """
    return store_at(url).below(f"{study}-{study_id[:8]}")


def check_storage(search: SearchSpec) -> None:
    """Check that the storage of a search is usable.

    Args:
        search: The search.

    Raises:
        BadInputError: If it is not.
    """
    if search.storage.url:
        check(store_at(search.storage.url))


def migrate_storage(study: Study, search: SearchSpec, home: Path) -> MigratedFiles:
    """Move the files of earlier starts to the search's current storage.

    The study has the old storage's URL until all files are in the new one, so an interrupted move is repeated.

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
        TrialFiles(place_in(url, study.optuna.study_name, study.id)) if url else own
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
    with suppress(UnusableStoreError):  # files left behind do no harm
        for number in saved:
            before.remove_states(number)
    return MigratedFiles(files, own, messages)


def _copy(records: Sequence[TrialRecord], before: TrialFiles, now: TrialFiles, own: TrialFiles) -> tuple[set[int], int]:
    """Move models and copy checkpoints of unfinished trials; return the trials that had any, and the number copied."""
    waiting = {record.number for record in records if not record.is_final}
    missing = _missing(records, own)
    if not waiting and not missing:
        return set(), 0
    saved = before.states()
    for number in missing:
        before.move_model(number, own)
    for number in saved & waiting:
        before.copy_states(number, now)
    return saved, len(saved & waiting)


def _missing(records: Iterable[TrialRecord], own: TrialFiles) -> list[int]:
    """Return the numbers of the full trials whose model is not in the search's folder."""
    return [trial.number for trial in records if trial.state == "COMPLETE" and not own.has_model(trial.number)]


class CheckpointCollector:
    """Moves the models of full trials to the search's folder and removes the checkpoints of finished trials.

    It uses a thread, because an object store may be slow and Ray's loop must not wait.
    """

    def __init__(self, migrated: MigratedFiles, records: Iterable[TrialRecord]) -> None:
        """Start the thread with the files that earlier starts did not collect.

        Args:
            migrated: The search's files.
            records: The search's trials.
        """
        self._files, self._home = migrated.files, migrated.home
        self._trials: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._records: tuple[TrialRecord, ...] = ()
        self._problem = ""
        for number in self._missing(records):
            self._trials.put(number)
        self._thread = threading.Thread(target=self._work, name="trial files", daemon=True)
        self._thread.start()

    def finished(self, number: int) -> None:
        """Collect the files of a finished trial."""
        self._trials.put(number)

    def close(self, records: Iterable[TrialRecord], *, hurry: bool) -> list[str]:
        """Collect the remaining files and stop the thread.

        Args:
            records: All trials in the end.
            hurry: Whether the search must end now; the next start collects what is left.

        Returns:
            Messages for the user.
        """
        self._records = tuple(records)
        self._trials.put(None)
        self._thread.join(_STOPPING if hurry else _FINISHING)
        problem = "it takes too long" if self._thread.is_alive() else self._problem
        where = self._files.place.label
        text = f"not all files of finished trials were copied from {where} ({problem}): the next start does it"
        return [text] if problem else []

    def _work(self) -> None:
        while (number := self._trials.get()) is not None:
            with suppress(OSError, UnusableStoreError):  # retried at the end
                if self._files != self._home:
                    self._files.move_model(number, self._home)
                self._files.remove_states(number)
        try:
            for number in self._missing(self._records):
                self._files.move_model(number, self._home)
            finished = {record.number for record in self._records if record.is_final}
            for number in self._files.states() & finished:
                self._files.remove_states(number)
        except (OSError, UnusableStoreError) as error:
            self._problem = one_line(error)

    def _missing(self, records: Iterable[TrialRecord]) -> list[int]:
        return _missing(records, self._home) if self._files != self._home else []
