"""The study database: the only truth about a search. Opening, sweeping, recording, reading back.

A trial's states: RUNNING while it trains; WAITING when it was interrupted, which makes Optuna hand it out again first,
with its settings and what it reported; COMPLETE, PRUNED or FAIL when it is finished. Only a search's one driver writes.
"""

# Optuna's trial ids are private, and it is partly untyped:
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# ruff: noqa: SLF001

import time
import uuid
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from data_prep.errors import BadInputError
from data_prep.storage.atomic_write import atomic_write
from models.family import EpochReport
from models.metrics import Metric
from search.passwords import without_password
from search.spec.file import AnyFamily, SearchSpec, check_name, load, parse
from search.study.folder_lock import FileSlot, driver_lock, folder_lock
from search.study.homes import no_search
from search.study.journal import Journal, undamaged
from search.study.lease import Lease, Slot, Waiting, held, living
from search.study.progress import State
from search.study.records import EPOCH_KEY, REASON_KEY, SearchRecord, TrialRecord, begun, make_record, make_records

SCHEMA = 1
"""Version of what is stored in a study; a higher one is refused."""

FINISHED: tuple[State, ...] = ("COMPLETE", "PRUNED", "FAIL")


class Study:
    """A search's study, held by its one driver.

    Attributes:
        optuna: Optuna's study of that name.
        storage: Where it is stored.
        check_held: Raises StudyLostError if another driver has taken the search over.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: optuna.storages.BaseStorage,
        search: SearchSpec,
        objective: Metric,
        lease: Lease,
        began: float | None = None,
    ) -> None:
        """Take up a study that this driver holds; see :func:`open_study`, which checks it too."""
        self.storage = storage
        self.optuna = study
        self.check_held = lease.check
        self._search = search
        self._objective = objective.name
        self._began = time.monotonic() if began is None else began
        self._seconds_before = float(self.optuna.user_attrs.get("seconds", 0.0))
        self._least = 0.0

    @property
    def id(self) -> str:
        """What tells this study from any other, of the same name too."""
        return str(self.optuna.user_attrs["id"])

    @property
    def seconds(self) -> float:
        """Time spent on the search, over all starts."""
        return self._seconds_before + time.monotonic() - self._began

    def keep_seconds(self, least: float = 0.0) -> None:
        """Record the time that was spent, or more: a budget whose rest was too short for trials is used up."""
        self._least = max(self._least, least)
        self.optuna.set_user_attr("seconds", round(max(self.seconds, self._least), 3))

    def records(self) -> list[TrialRecord]:
        """Give all trials that were ever started."""
        return make_records(self.optuna.get_trials(deepcopy=False), self._search.space)

    def record(self, number: int) -> TrialRecord:
        """Give one trial."""
        return make_record(self.storage.get_trial(self._id(number)), self._search.space)

    def counts(self) -> Mapping[State, int]:
        """Count the trials by state."""
        return Counter(trial.state.name for trial in self.optuna.get_trials(deepcopy=False) if begun(trial))

    @property
    def num_finished(self) -> int:
        """Number of finished trials."""
        counts = self.counts()
        return sum(counts.get(state, 0) for state in FINISHED)

    def sweep(self) -> list[int]:
        """Take care of trials that a dead or interrupted driver left running.

        Those with their full budget are completed, the others wait to go on.

        Returns:
            The numbers of the trials that changed.
        """
        running = self.optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for trial in running:
            if max(trial.intermediate_values, default=0) >= self._search.budget.epochs:
                self.finish(trial.number, "COMPLETE")
            else:
                self.wait(trial.number)
        return [trial.number for trial in running]

    def wait(self, number: int) -> None:
        """Have a trial wait to go on: it is handed out again first."""
        self.storage.set_trial_state_values(self._id(number), TrialState.WAITING)

    def enqueue(self) -> None:
        """Queue the known good points that were not queued before, as far as the budget allows."""
        for point in self._search.prior[: self._search.budget.trials]:
            self.optuna.enqueue_trial(dict(point), skip_if_exists=True)

    def add_epoch(self, number: int, report: EpochReport) -> bool:
        """Record an epoch.

        Args:
            number: The trial's number.
            report: What it reported.

        Returns:
            Whether it is new; an epoch trained again after an interruption is not.
        """
        trial_id = self._id(number)
        if report.epoch in self.storage.get_trial(trial_id).intermediate_values:
            return False
        folds = {name: list(values.values) for name, values in report.metrics.items()}
        stored = {"metrics": folds, "seconds": round(report.seconds, 4), "at": int(time.time() * 1000)}
        self.storage.set_trial_user_attr(trial_id, f"{EPOCH_KEY}{report.epoch}", stored)
        mean = report.metrics[self._objective].mean
        self.storage.set_trial_intermediate_value(trial_id, report.epoch, mean)
        return True

    def finish(self, number: int, state: State, reason: str = "") -> None:
        """Record a trial's end; a complete or pruned one's value is its last epoch's."""
        trial_id = self._id(number)
        trial = self.storage.get_trial(trial_id)
        if reason:
            self.storage.set_trial_user_attr(trial_id, REASON_KEY, reason)
        steps = trial.intermediate_values
        values = [steps[max(steps)]] if state != "FAIL" and steps else None
        self.storage.set_trial_state_values(trial_id, TrialState[state], values)
        self.keep_seconds()

    def _id(self, number: int) -> int:
        return self.storage.get_trial_id_from_study_id_trial_number(self.optuna._study_id, number)


def folder(home: Path, name: str) -> Path:
    """Name the folder of a search."""
    return home / "searches" / check_name(name, "--name")


def names(home: Path) -> list[str]:
    """List the searches that were started in a home folder."""
    return sorted(path.parent.name for path in (home / "searches").glob("*/search.toml"))


@contextmanager
def open_study(
    search: SearchSpec,
    family: AnyFamily,
    home: Path,
    fingerprint: str,
    waiting: Waiting | None = None,
    began: float | None = None,
) -> Generator[Study]:
    """Open a search's study as its driver, making it if it is new.

    Args:
        search: The search; its budget may be larger than before.
        family: Its family.
        home: The home folder.
        fingerprint: Of the data.
        waiting: What goes on while this waits for a database, or to see whether another driver lives.
        began: When, by ``time.monotonic``, the search's time began to run; None is now.

    Yields:
        The study, swept, with the known good points queued.

    Raises:
        BadInputError: If the search is already running, was stored by a newer version, has another space or data,
            or shares its database with MLflow.
    """
    check_apart(search)
    place = folder(home, search.name)
    place.mkdir(parents=True, exist_ok=True)
    objective = family.metrics[0]
    with ExitStack() as stack:
        with undamaged(_where(search.study.url, place)):
            storage, made, lease = _hold(stack, search, place, objective, waiting or Waiting())
            study = Study(made, storage, search, objective, lease, began)
            _check_and_stamp(study, search, family, fingerprint)
            study.records()
        atomic_write(place / "search.toml", search.to_toml().encode())
        study.sweep()
        study.enqueue()
        yield study
        study.keep_seconds()


def _hold(
    stack: ExitStack, search: SearchSpec, place: Path, objective: Metric, waiting: Waiting
) -> tuple[optuna.storages.BaseStorage, optuna.Study, Lease]:
    """Open the study and take the search, which a journal's folder holds, or else the study in its database."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    direction = "minimize" if objective.direction == "minimise" else "maximize"
    if not search.study.url:
        lease = stack.enter_context(driver_lock(place, search.name, waiting.say))
        journal = Journal(_journal(place), writable=True)
        stack.callback(journal.close)
        storage = optuna.storages.JournalStorage(journal)
        made = optuna.create_study(study_name=search.name, storage=storage, direction=direction, load_if_exists=True)
        return storage, made, lease
    from search.study.retrying_storage import DatabaseSlot, PatientStorage, open_database  # noqa: PLC0415  (slow; a journal needs none)

    stack.enter_context(folder_lock(place, search.name))
    storage = PatientStorage(open_database(search.study.url), waiting)
    stack.callback(storage.close)
    made = optuna.create_study(study_name=search.name, storage=storage, direction=direction, load_if_exists=True)
    slot = DatabaseSlot(storage.database.engine, made._study_id)
    lease = stack.enter_context(held(slot, search.name, waiting.say))
    storage.before_writing = lease.check
    return storage, made, lease


def read_search(home: Path, name: str, family: AnyFamily | None = None) -> SearchRecord:
    """Read a search without holding it, also while it runs.

    Args:
        home: The home folder.
        name: The search's name.
        family: Its family, for one that is not among the registered.

    Returns:
        What its study knows.

    Raises:
        BadInputError: If there is no such search, or a newer version stored it.
    """
    path = folder(home, name) / "search.toml"
    if not path.exists():
        raise no_search(home, name, names(home))
    url = load(path, family=family, stored=True).study.url
    gone = BadInputError(
        f"a search is read from its study: there is none of {name} in {_where(url, path.parent)}; restore it from a "
        f"backup, or start the search anew: tunesmith search {path}"
    )
    if not url and not _journal(path.parent).exists():
        raise gone
    with undamaged(_where(url, path.parent)), _reading(url, path.parent) as storage:
        try:
            study = optuna.load_study(study_name=name, storage=storage)
        except KeyError:
            raise gone from None
        stored = _stored(study, family)
        trials = study.get_trials(deepcopy=False)  # before the lease, which a driver gives up after it swept them
        is_run = living(_slot(storage, study, path.parent)) is not None
        records = make_records(trials, stored.space, is_run=is_run)
        seconds = float(study.user_attrs.get("seconds", 0.0))
        attributes = study.user_attrs
        return SearchRecord(stored, tuple(records), attributes["fingerprint"], seconds, attributes["id"])


def _slot(storage: optuna.storages.BaseStorage, study: optuna.Study, place: Path) -> Slot:
    """Name the record of who runs a search."""
    if isinstance(storage, optuna.storages.JournalStorage):
        return FileSlot(place / "driver.json")
    from search.study.retrying_storage import DatabaseSlot  # noqa: PLC0415  (slow; a journal needs none)

    assert isinstance(storage, optuna.storages.RDBStorage)
    return DatabaseSlot(storage.engine, study._study_id)


def _journal(place: Path) -> Path:
    return place / "study.journal"


def _where(url: str, place: Path) -> str:
    """Return where a study is stored, as it may be shown."""
    return without_password(url) or str(_journal(place))


def check_apart(search: SearchSpec) -> None:
    """Refuse a search whose study and MLflow's store are one database."""
    if search.study.url and search.study.url == search.tracking.uri:
        raise BadInputError(
            "the study and MLflow each need a database of their own, for both own a table alembic_version: study.url "
            f"and tracking.uri are both {without_password(search.study.url)}"
        )


@contextmanager
def _reading(url: str, place: Path) -> Generator[optuna.storages.BaseStorage]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if url:
        from search.study.retrying_storage import close_database, open_database  # noqa: PLC0415  (slow; a journal needs none)

        database = open_database(url)
        try:
            yield database
        finally:
            close_database(database)
    else:
        journal = Journal(_journal(place), writable=False)
        try:
            yield optuna.storages.JournalStorage(journal)
        finally:
            journal.close()


def _check_and_stamp(study: Study, search: SearchSpec, family: AnyFamily, fingerprint: str) -> None:
    attributes = study.optuna.user_attrs
    if "search" in attributes:  # it is written last
        differences = _differences(_stored(study.optuna, family), search)
        if not differences and attributes["fingerprint"] != fingerprint:
            differences = [
                f"the data of {search.data.corpus} (fingerprint {attributes['fingerprint']}, now {fingerprint})"
            ]
        if differences:
            raise BadInputError(
                f"a search goes on with the space and data it was started with: {search.name} differs "
                f"in {'; '.join(differences)}; give the new one another --name"
            )
    for key, value in {
        "schema": SCHEMA,
        "id": attributes.get("id", uuid.uuid4().hex),
        "family": family.name,
        "fingerprint": fingerprint,
        "space_hash": search.space.hash,
        "search": search.to_toml(),
    }.items():
        if attributes.get(key) != value:
            study.optuna.set_user_attr(key, value)


def _stored(study: optuna.Study, family: AnyFamily | None) -> SearchSpec:
    schema = study.user_attrs.get("schema", 0)
    if schema > SCHEMA:
        raise BadInputError(
            f"the study {study.study_name} was written by a newer version of tunesmith (format {schema}, this one "
            f"reads up to {SCHEMA}); use that version, or give the search another --name"
        )
    return parse(study.user_attrs["search"], f"the stored search {study.study_name}", family=family, stored=True)


def _differences(stored: SearchSpec, search: SearchSpec) -> list[str]:
    pairs: list[tuple[str, Any, Any]] = [
        ("family", stored.family, search.family),
        ("data.repeats", stored.data.repeats, search.data.repeats),
        ("data.folds", stored.data.folds, search.data.folds),
        ("data.seed", stored.data.seed, search.data.seed),
        ("budget.epochs", stored.budget.epochs, search.budget.epochs),
    ]
    if stored.family == search.family:
        pairs += [
            (f"space.{name}", stored.space.domains[name].to_toml(), search.space.domains[name].to_toml())
            for name in search.space.domains
            if name != "epochs"
        ]
    return [f"{name} ({before}, now {now})" for name, before, now in pairs if before != now]
