"""The study of a search: opening it as the search's only driver, and reading it while a driver may run."""

import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna

from data_prep.errors import Action, BadInputError
from data_prep.storage.atomic_write import atomic_write
from data_prep.storage.format import check_format
from search.passwords import without_password
from search.spec.file import AnyFamily, load, parse
from search.spec.whole_search import SearchSpec, check_name
from search.study import in_journal
from search.study.homes import no_search
from search.study.in_journal import journal_path
from search.study.journal import undamaged
from search.study.lease import Waiting, living
from search.study.records import WARM_START_KEY, SearchRecord, TakenPoints, make_records, read_gain
from search.study.writer import Study

SCHEMA = 1
"""Version of the format of a study; higher versions are rejected."""


def folder(home: Path, name: str) -> Path:
    """Return the folder of a search."""
    return home / "searches" / check_name(name, "--name")


def names(home: Path) -> list[str]:
    """Return the names of the searches that were started in a home folder."""
    return sorted(path.parent.name for path in (home / "searches").glob("[!.]*/search.toml"))


@contextmanager
def open_study(
    search: SearchSpec,
    family: AnyFamily,
    home: Path,
    fingerprint: str,
    waiting: Waiting | None = None,
    began: float | None = None,
    taken: TakenPoints | None = None,
) -> Generator[Study]:
    """Open a search's study as its driver; create it if it is new.

    Args:
        search: The search; its budget may be larger than before.
        family: Its family.
        home: The home folder.
        fingerprint: The data's fingerprint.
        waiting: How to wait for a database, or for the lease of a driver that may be dead.
        began: The ``time.monotonic`` at which the search's time began; None for now.
        taken: Points of other searches, which are stored if the search is new, and queued.

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
            held = _kind(search.study.url).hold(stack, search, place, objective, waiting or Waiting())
            study = Study(held, search, objective, began)
            _check_and_stamp(study.optuna, search, family, fingerprint, taken)
            study.records()
        write_search(search, place)
        study.sweep()
        study.enqueue()
        yield study
        study.keep_seconds()


def write_search(search: SearchSpec, place: Path) -> None:
    """Write the search file in the folder of a search, which its next start reads."""
    atomic_write(place / "search.toml", search.to_toml().encode())


@contextmanager
def holding(
    search: SearchSpec, family: AnyFamily, place: Path, say: Callable[[str], None]
) -> Generator[tuple[optuna.Study, optuna.storages.BaseStorage]]:
    """Hold a search that is not run, so that no other process runs or promotes it.

    Args:
        search: The search.
        family: Its family.
        place: Its folder.
        say: Called with a message for the user before waiting for a driver that may be dead.

    Yields:
        Its study and the study's storage; an empty study if there was none.

    Raises:
        BadInputError: If a process holds the search, or its study is damaged or cannot be reached.
    """
    with ExitStack() as stack:
        with undamaged(_where(search.study.url, place)):
            held = _kind(search.study.url).hold(stack, search, place, family.metrics[0], Waiting(say))
        yield held.study, held.storage


def read_search(home: Path, name: str, family: AnyFamily | None = None) -> SearchRecord:
    """Read a search without its lease, even while it runs.

    Args:
        home: The home folder.
        name: The search's name.
        family: Its family, if it is not registered.

    Returns:
        The content of its study.

    Raises:
        BadInputError: If there is no such search, or a newer version stored it.
    """
    with opened_to_read(home, name, family) as (kind, storage, study):
        stored = _stored(study, name, family)
        trials = study.get_trials(deepcopy=False)  # before the lease, which a driver releases after its sweep
        driver = living(kind.lease_record(storage, study, folder(home, name)))
        in_pieces = not isinstance(storage, optuna.storages.JournalStorage)
        records = make_records(trials, stored.space, is_run=driver is not None, in_pieces=in_pieces)
        attributes = study.user_attrs
        seconds = float(attributes.get("seconds", 0.0))
        fingerprint, gain = attributes["fingerprint"], read_gain(attributes)
        points = tuple(point.values for point in TakenPoints.of_study(attributes).points)
        return SearchRecord(stored, tuple(records), fingerprint, seconds, attributes["id"], driver, gain, points)


@contextmanager
def opened_to_read(
    home: Path, name: str, family: AnyFamily | None = None
) -> Generator[tuple[ModuleType, Any, optuna.Study]]:
    """Open the study of a search that was started, without its lease.

    Args:
        home: The home folder.
        name: The search's name.
        family: Its family, if it is not registered.

    Yields:
        The module for the kind of its storage, the storage, and the study.

    Raises:
        BadInputError: If there is no such search, or its study is damaged or cannot be reached.
    """
    path = folder(home, name) / "search.toml"
    if not path.exists():
        raise no_search(home, name, names(home))
    url = load(path, family=family, stored=True).study.url
    gone = BadInputError(
        "a search is read from its study",
        f"there is none of {name} in {_where(url, path.parent)}",
        remedy="restore it from a backup, or start the search from the beginning",
        action=Action("resume search", {"search": path}),
    )
    with undamaged(_where(url, path.parent)), ExitStack() as stack:
        try:
            opened = _to_read(stack, url, path.parent, name)
        except FileNotFoundError:
            raise gone from None
        yield opened


def study_attributes(search: SearchSpec, home: Path) -> Mapping[str, Any]:
    """Return the attributes of the study that the next start of a search finds; empty if there is none yet.

    Unlike :func:`read_search`, this also reads a study whose first start was killed before it was complete.

    Args:
        search: The search.
        home: The home folder.

    Returns:
        The attributes.

    Raises:
        BadInputError: If the study is damaged or cannot be reached.
    """
    place = folder(home, search.name)
    with undamaged(_where(search.study.url, place)), ExitStack() as stack:
        try:
            _, _, study = _to_read(stack, search.study.url, place, search.name)
        except FileNotFoundError:
            return {}
        return study.user_attrs


def _to_read(stack: ExitStack, url: str, place: Path, name: str) -> tuple[ModuleType, Any, optuna.Study]:
    """Open a study for reading, until the stack is closed; raise FileNotFoundError if there is none."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kind = _kind(url)
    storage = kind.open_to_read(stack, url, place)
    try:
        return kind, storage, optuna.load_study(study_name=kind.study_name(storage, name), storage=storage)
    except KeyError:
        raise FileNotFoundError(name) from None


def _kind(url: str) -> ModuleType:
    """Return the module for the kind of storage behind a URL, empty for a journal."""
    if url:
        from search.study import in_database  # SQL is slow to import

        return in_database
    return in_journal


def _where(url: str, place: Path) -> str:
    """Return where a study is stored, without a password."""
    return without_password(url) or str(journal_path(place))


def check_apart(search: SearchSpec) -> None:
    """Check that a search's study and MLflow's store are different databases."""
    if search.study.url and search.study.url == search.tracking.uri:
        raise BadInputError(
            "the study and MLflow each need a database of their own, because both have a table alembic_version",
            f"study.url and tracking.uri are both {without_password(search.study.url)}",
        )


def _check_and_stamp(
    study: optuna.Study, search: SearchSpec, family: AnyFamily, fingerprint: str, taken: TakenPoints | None
) -> None:
    attributes = study.user_attrs
    if is_started(attributes):
        differences = _differences(_stored(study, search.name, family), search)
        before = attributes["fingerprint"]
        if not differences and before != fingerprint:
            differences = [f"the data of {search.data.corpus} (fingerprint {before}, now {fingerprint})"]
        if differences:
            raise BadInputError(
                "a search resumes with the settings that it was started with",
                f"{search.name} differs in {'; '.join(differences)}",
                remedy="give the changed search another name",
                action=Action("rename search"),
            )
    elif taken is not None and WARM_START_KEY not in attributes:
        study.set_user_attr(WARM_START_KEY, taken.to_plain())
    for key, value in {
        "schema": SCHEMA,
        "id": attributes.get("id", uuid.uuid4().hex),
        "family": family.name,
        "fingerprint": fingerprint,
        "space_hash": search.space.hash,
        "search": search.to_toml(),
    }.items():
        if attributes.get(key) != value:
            study.set_user_attr(key, value)


def is_started(attributes: Mapping[str, Any]) -> bool:
    """Return whether a search was started, from the attributes of its study."""
    return "search" in attributes  # the last attribute to be written


def _stored(study: optuna.Study, name: str, family: AnyFamily | None) -> SearchSpec:
    """Return the stored search; its name is that of its folder, which may have changed since."""
    schema = study.user_attrs.get("schema", 0)
    check_format("studies", schema, SCHEMA, f"the study {study.study_name}")
    text, changes = study.user_attrs["search"], {"name": name}
    return parse(text, f"the stored search {name}", overrides=changes, family=family, stored=True)


def _differences(stored: SearchSpec, search: SearchSpec) -> list[str]:
    fixed = ("family", "data.repeats", "data.folds", "data.seed", "budget.epochs")
    pairs: list[tuple[str, Any, Any]] = [(key, attrgetter(key)(stored), attrgetter(key)(search)) for key in fixed]
    if stored.family == search.family:
        pairs += [
            (f"space.{name}", stored.space.domains[name].to_toml(), search.space.domains[name].to_toml())
            for name in search.space.domains
            if name != "epochs"
        ]
    return [f"{name} ({before}, now {now})" for name, before, now in pairs if before != now]
