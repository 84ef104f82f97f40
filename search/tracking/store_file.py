"""MLflow's store where it is a file: its tables are made apart and moved into place, so that it is whole or not there.

MLflow itself makes and upgrades tables in the file, step by step, and can open nothing that was killed in between. Such
a file is recognised by its schema's version. Without runs and models it is made anew: the studies have all that a
search writes. With some it is upgraded in a copy; if that cannot be done, it is moved aside.
"""

# MLflow is partly untyped, and what says which version its schema has is private:
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import sqlite3
import uuid
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from data_prep.errors import BadInputError, one_line
from search.study.folder_lock import exclusive

if TYPE_CHECKING:
    from sqlalchemy import Engine

_PREFIX = "sqlite:///"
_PATIENCE_S = 300.0
_MADE_WITH_THE_TABLES = {"alembic_version": 1, "workspaces": 1, "experiments": 1}
"""Rows of a store that nothing was written to."""

_State: TypeAlias = Literal["whole", "empty", "outdated"]
"""Of a store: as this MLflow wants it; without tables, or half-made with nothing in it; or with another schema."""


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a database in SQLite; None for another database, or a server.

    Args:
        uri: The database's, as SQLAlchemy and MLflow read it.

    Returns:
        The file, which need not exist.
    """
    name = uri.removeprefix(_PREFIX).partition("?")[0] if uri.startswith(_PREFIX) else ""
    return Path(name) if name and name != ":memory:" else None


def make_ready(uri: str) -> None:
    """See that MLflow can open a store: make its file if it is not there, or not whole.

    Whoever opens a store calls this before; several processes may at once.

    Args:
        uri: The store's; nothing is done for a server or a database.

    Raises:
        BadInputError: If the file cannot be made or read, is another program's, or could not be repaired.
    """
    path = sqlite_file(uri)
    if path is None:
        return
    with _in_one_line(path):
        if _state(path) == "whole":
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(path.with_name(f"{path.name}.lock"), _PATIENCE_S, lambda who: _is_being_made(path, who)):
            state = _state(path)  # another process may have made it meanwhile
            if state != "whole":
                _put(path, _upgraded(path) if state == "outdated" else _new(path))


@contextmanager
def _in_one_line(path: Path) -> Generator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise BadInputError(
            f"MLflow's store must be a file that can be made and written: {path} is not ({one_line(error)}); make room "
            "or see to the right to write there, and run the same command again"
        ) from error
    except sqlite3.DatabaseError as error:
        raise BadInputError(
            f"MLflow's store must be a whole database: {path} is damaged ({one_line(error)}); restore it from a "
            "backup, or move it away: a search writes its runs anew at its next start, but registered models are lost"
        ) from error


def _is_being_made(path: Path, who: str) -> BadInputError:
    return BadInputError(
        f"MLflow's store is made by one process at a time: {path} is being made ({who}); wait for it, or end it"
    )


def _state(path: Path) -> _State:
    if not path.exists():
        return "empty"
    with closing(sqlite3.connect(path)) as database:  # this takes back what a killed writer had not committed
        counts = _num_rows(database)
        if counts and "experiments" not in counts:
            raise BadInputError(
                f"MLflow's store must be a database of its own: {path} has other tables "
                f"({', '.join(sorted(counts)[:3])}); name another store"
            )
        version = _version(database) if counts.get("alembic_version") else None
    if version is not None and version == _newest_version():
        return "whole"
    return "outdated" if any(rows > _MADE_WITH_THE_TABLES.get(name, 0) for name, rows in counts.items()) else "empty"


def _num_rows(database: sqlite3.Connection) -> dict[str, int]:
    """Count the rows of every table, up to two."""
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    count = 'SELECT count(*) FROM (SELECT 1 FROM "{}" LIMIT 2)'
    return {name: database.execute(count.format(name)).fetchone()[0] for (name,) in names.fetchall()}


def _version(database: sqlite3.Connection) -> str:
    return database.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def _newest_version() -> str:
    from mlflow.store.db.utils import _get_latest_schema_revision  # noqa: PLC0415  (MLflow is slow to import)

    return _get_latest_schema_revision()


def _new(path: Path) -> "Engine":
    """Make a new store in memory."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415

    return SqlAlchemyStore(f"{_PREFIX}:memory:", (path.parent / "mlartifacts").absolute().as_uri()).engine


def _upgraded(path: Path) -> "Engine":
    """Copy a store into memory and bring it to MLflow's newest schema there."""
    from mlflow.store.db.utils import _initialize_tables  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    engine = create_engine(f"{_PREFIX}:memory:")
    with closing(sqlite3.connect(path)) as old, _raw(engine) as copy:
        old.backup(copy)
    try:
        _initialize_tables(engine)
    except SQLAlchemyError as error:  # its tables are those of no version
        aside = path.with_name(f"{path.name}.damaged-{uuid.uuid4().hex[:8]}")
        path.rename(aside)
        raise BadInputError(
            f"MLflow's store must have the tables of one version of MLflow: {path} had not ({one_line(error)}) and was "
            f"moved to {aside.name}; run the same command again: a search writes its runs into a new store, and models "
            "that were registered are in the old one alone"
        ) from error
    except Exception as error:
        raise BadInputError(
            f"MLflow's store must have a schema that this MLflow knows: {path} has not ({one_line(error)}); use the "
            "MLflow that wrote it, or name another store"
        ) from error
    return engine


@contextmanager
def _raw(engine: "Engine") -> Generator[sqlite3.Connection]:
    with closing(engine.raw_connection()) as connection:
        assert isinstance(connection.driver_connection, sqlite3.Connection)
        yield connection.driver_connection


def _put(path: Path, made: "Engine") -> None:
    """Write a store out of memory, and move it into place when it is whole."""
    mark = f".{path.name}."
    for left in path.parent.iterdir():  # by a process that was killed here; nobody else is
        if left.name.startswith(mark) and left.suffix in {".part", ".part-journal"}:
            left.unlink()
    part = path.with_name(f"{mark}{uuid.uuid4().hex}.part")
    try:
        with closing(sqlite3.connect(part)) as target, _raw(made) as source:
            source.backup(target)
        for end in ("-journal", "-wal", "-shm"):
            path.with_name(f"{path.name}{end}").unlink(missing_ok=True)
        part.replace(path)
    finally:
        made.dispose()
        part.unlink(missing_ok=True)
        part.with_name(f"{part.name}-journal").unlink(missing_ok=True)
