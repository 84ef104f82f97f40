"""MLflow's store in a SQLite file: created elsewhere and moved into place, so that it is complete or does not exist.

MLflow itself creates and upgrades the tables in place, step by step, and cannot open a file if it was killed in
between. Such a file is detected by its schema version. If it has no runs and models, it is created again, because the
studies contain everything that a search writes. Otherwise a copy is upgraded; if that fails, the file is moved aside.
"""

import importlib
import sqlite3
import uuid
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

from data_prep.errors import BadInputError, one_line
from search.study.folder_lock import exclusive

_PREFIX = "sqlite:///"
_PATIENCE_S = 300.0
_MADE_WITH_THE_TABLES = {"alembic_version": 1, "workspaces": 1, "experiments": 1}
"""Number of rows by table in a new store."""

_Condition: TypeAlias = Literal["current", "empty", "outdated"]
"""A store with this MLflow's schema; without that schema, runs and models; or with another schema."""


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a SQLite database; None for another database or a server.

    Args:
        uri: The database's URI, as SQLAlchemy and MLflow read it.

    Returns:
        The file, which need not exist.
    """
    name = uri.removeprefix(_PREFIX).partition("?")[0] if uri.startswith(_PREFIX) else ""
    return Path(name) if name and name != ":memory:" else None


def missing_file(uri: str) -> Path | None:
    """Return the file that SQLite would create for a database; None if it exists or the database is not a file."""
    path = sqlite_file(uri)
    return None if path is None or path.exists() else path


def make_ready(uri: str) -> None:
    """Create or repair the file of a store, so that MLflow can open it.

    Call this before a store is opened. Several processes may call it at once.

    Args:
        uri: The store's URI; nothing is done for a server or another database.

    Raises:
        BadInputError: If the file cannot be created or read, belongs to another program, or cannot be repaired.
    """
    path = sqlite_file(uri)
    if path is None:
        return
    with _named_errors(path):
        if _condition(path) == "current":
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(path.with_name(f"{path.name}.lock"), _PATIENCE_S, lambda process: _busy(path, process)):
            condition = _condition(path)  # another process may have created it meanwhile
            if condition != "current":
                _put(path, _upgraded(path) if condition == "outdated" else _new(path))


@contextmanager
def _named_errors(path: Path) -> Generator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise BadInputError(
            "MLflow's store must be a file that can be created and written",
            f"{path} is not",
            one_line(error),
            "free some space or get permission to write there, and run the same command again",
        ) from error
    except sqlite3.DatabaseError as error:
        raise BadInputError(
            "MLflow's store must be an intact database",
            f"{path} is damaged",
            one_line(error),
            "restore it from a backup, or move it away: a search writes its runs again when it is next started, but "
            "registered models are lost",
        ) from error


def _busy(path: Path, process: str) -> BadInputError:
    return BadInputError(
        "one process at a time can create MLflow's store",
        f"{path} is being created",
        process,
        "wait for that process, or end it",
    )


def _condition(path: Path) -> _Condition:
    if not path.exists():
        return "empty"
    with closing(sqlite3.connect(path)) as database:  # this rolls back what a killed writer had not committed
        counts = _num_rows(database)
        if counts and "experiments" not in counts:
            raise BadInputError(
                "MLflow's store must be a database of its own",
                f"{path} has other tables",
                ", ".join(sorted(counts)[:3]),
                "name another store",
            )
        version = _version(database) if counts.get("alembic_version") else None
    if version is not None and version == _newest_version():
        return "current"
    return "outdated" if any(rows > _MADE_WITH_THE_TABLES.get(name, 0) for name, rows in counts.items()) else "empty"


def _num_rows(database: sqlite3.Connection) -> dict[str, int]:
    """Return the number of rows of every table, at most two."""
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    count = 'SELECT count(*) FROM (SELECT 1 FROM "{}" LIMIT 2)'
    return {name: database.execute(count.format(name)).fetchone()[0] for (name,) in names.fetchall()}


def _version(database: sqlite3.Connection) -> str:
    return database.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def _mlflow(module: str) -> Any:
    """Import a module of MLflow when it is needed: the import is slow, and must follow ``client.quieten``."""
    return importlib.import_module(f"mlflow.store.{module}")


def _newest_version() -> str:
    return _mlflow("db.utils")._get_latest_schema_revision()  # noqa: SLF001  (nothing public returns it; MLflow 3.17)


def _new(path: Path) -> Engine:
    """Create a new store in memory."""
    artifacts = (path.parent / "mlartifacts").absolute().as_uri()
    return _mlflow("tracking.sqlalchemy_store").SqlAlchemyStore(f"{_PREFIX}:memory:", artifacts).engine


def _upgraded(path: Path) -> Engine:
    """Copy a store into memory and upgrade the copy to MLflow's newest schema."""
    engine = create_engine(f"{_PREFIX}:memory:")
    with closing(sqlite3.connect(path)) as old, _raw(engine) as copy:
        old.backup(copy)
    try:
        _mlflow("db.utils")._initialize_tables(engine)  # noqa: SLF001  (likewise)
    except SQLAlchemyError as error:  # its tables belong to no version of MLflow
        aside = path.with_name(f"{path.name}.damaged-{uuid.uuid4().hex[:8]}")
        path.rename(aside)
        raise BadInputError(
            "MLflow's store must have the tables of one version of MLflow",
            f"{path} did not and was moved to {aside.name}",
            one_line(error),
            "run the same command again: a search writes its runs into a new store; registered models are only in the "
            "old one",
        ) from error
    except Exception as error:
        raise BadInputError(
            "MLflow's store must have a schema that this version of MLflow knows",
            f"{path} does not",
            one_line(error),
            "use the version of MLflow that wrote it, or name another store",
        ) from error
    return engine


@contextmanager
def _raw(engine: Engine) -> Generator[sqlite3.Connection]:
    with closing(engine.raw_connection()) as connection:
        assert isinstance(connection.driver_connection, sqlite3.Connection)
        yield connection.driver_connection


def _put(path: Path, store: Engine) -> None:
    """Write a store from memory to a file, and move the complete file into place."""
    mark = f".{path.name}."
    for other in path.parent.iterdir():
        if other.name.startswith(mark) and other.suffix in {".part", ".part-journal"}:
            other.unlink()  # left by a killed process: the lock excludes running ones
    part = path.with_name(f"{mark}{uuid.uuid4().hex}.part")
    try:
        with closing(sqlite3.connect(part)) as target, _raw(store) as source:
            source.backup(target)
        for end in ("-journal", "-wal", "-shm"):
            path.with_name(f"{path.name}{end}").unlink(missing_ok=True)
        part.replace(path)
    finally:
        store.dispose()
        part.unlink(missing_ok=True)
        part.with_name(f"{part.name}-journal").unlink(missing_ok=True)
