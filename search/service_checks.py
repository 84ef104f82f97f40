"""Checks that the services of a search are writable: the home folder, the tracking store and the study's database.

Each check undoes its writes and returns a one-line result for the user. It raises BadInputError for a service that
cannot be used. ``tunesmith.doctor`` runs the checks.
"""

import tempfile
import uuid
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from data_prep.errors import Action, BadInputError
from search.passwords import first_line, without_password
from search.spec.file import SearchSpec
from search.study.database import check_apart, folder
from search.study.folder_lock import FileLeaseRecord
from search.study.lease import Driver, living
from search.tracking.client import check_tracking, connect, experiments, quieten, tracking_uri
from search.tracking.store_file import missing_file

_SECONDS = 5
_PORTS: Mapping[str, int] = {"postgresql": 5432, "mysql": 3306, "http": 80, "https": 443}


def servers(search: SearchSpec) -> dict[str, tuple[str, int]]:
    """Return the host and port of each server that a search uses, by its role ("tracking", "study")."""
    addresses: dict[str, tuple[str, int]] = {}
    for role, url in (("tracking", search.tracking.uri), ("study", search.study.url)):
        parts = urlsplit(url)
        port = _PORTS.get(parts.scheme.partition("+")[0])
        if port is not None and parts.hostname:
            addresses[role] = (parts.hostname, parts.port or port)
    return addresses


def try_home(home: Path) -> str:
    """Write a temporary file to the home folder."""
    try:
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(bytes(1 << 20))
            file.flush()
    except OSError as error:
        raise BadInputError(
            "the home folder must be writable",
            f"{home} is not",
            str(error.strerror),
            "make it writable, free some space there, or choose another",
            Action("choose home"),
        ) from None
    return f"{home} is writable"


def try_tracking(search: SearchSpec, home: Path) -> str:
    """Set a tag on an experiment in MLflow's store, and delete the tag again."""
    uri = tracking_uri(search, home)
    check_tracking(uri)
    shown = without_password(uri)
    if missing_file(uri) is not None:
        return f"{shown} is created when the search starts"
    quieten()
    tag = f"tunesmith.doctor.round.{uuid.uuid4().hex}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings of MLflow
            client = connect(uri)
            existing = experiments(client)
            if not existing:
                return f"{shown} answers; it is empty, so no write was tried"
            client.set_experiment_tag(existing[0].experiment_id, tag, "written by a check")
            client.delete_experiment_tag(existing[0].experiment_id, tag)
    except Exception as error:  # noqa: BLE001  (MLflow, SQLAlchemy and every database raise errors of their own)
        raise BadInputError(
            "the tracking store must be writable",
            f"{shown} is not",
            first_line(error, uri),
            "check the permissions of its server or database user, or name another store (tracking.uri)",
        ) from None
    return f"{shown} is writable"


def try_study(search: SearchSpec, home: Path) -> str:
    """Write to the study's database, in a transaction that is rolled back."""
    check_apart(search)
    if not search.study.url:
        return _try_journal(folder(home, search.name) / "study.journal")
    shown = without_password(search.study.url)
    try:
        _write_and_roll_back(search.study.url)
    except ImportError as error:
        raise BadInputError(
            "the study's database needs its Python driver",
            shown,
            str(error),
            "pip install the driver, or use postgresql+psycopg://",
        ) from None
    except Exception as error:  # noqa: BLE001  (every database driver raises errors of its own)
        raise BadInputError(
            "the study's database must be reachable and writable",
            shown,
            first_line(error, search.study.url),
            "start it, or check its user's permission to create tables and the password (PGPASSWORD or ~/.pgpass)",
        ) from None
    return f"{shown} is writable"


def unended_driver(search: SearchSpec, home: Path) -> Driver | None:
    """Return the driver process whose lease on a search has not been released.

    Args:
        search: The search, whose study can be reached.
        home: The home folder.

    Returns:
        The process, which may be running or may have died with its machine; None if there is none, or if it is known
        to have died.
    """
    if search.study.url:
        return _driver_in_database(search.study.url, search.name)
    return living(FileLeaseRecord(folder(home, search.name) / "driver.json"))


def _driver_in_database(url: str, name: str) -> Driver | None:
    """Read the lease without creating tables in a database that has none."""
    from search.study.in_database import DatabaseLeaseRecord

    if missing_file(url) is not None:
        return None
    engine = _engine(url)
    try:
        if not inspect(engine).has_table("studies"):
            return None
        with engine.connect() as connection:
            query = text("SELECT study_id FROM studies WHERE study_name = :name")
            study = connection.execute(query, {"name": name}).scalar()
        return None if study is None else living(DatabaseLeaseRecord(engine, study))
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    """Return an engine without a connection pool and with a short timeout."""
    timeout: dict[str, Any] = {"timeout" if url.startswith("sqlite") else "connect_timeout": _SECONDS}
    return create_engine(url, poolclass=NullPool, connect_args=timeout)


def _try_journal(path: Path) -> str:
    if not path.exists():
        return f"{path} is created when the search starts"
    try:
        with path.open("ab"):
            return f"{path} is writable"
    except OSError as error:
        raise BadInputError(
            "the study's journal must be writable", f"{path} is not", str(error.strerror), "change its permissions"
        ) from None


def _write_and_roll_back(url: str) -> None:
    """Insert a row into Optuna's table of studies, or create a table if there is none, and roll back."""
    new_file = missing_file(url)
    engine = _engine(url)
    name = f"tunesmith_doctor_{uuid.uuid4().hex}"
    try:
        with engine.connect() as connection:
            is_used = inspect(connection).has_table("studies")
            connection.rollback()
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            if is_used:
                connection.execute(text("INSERT INTO studies (study_name) VALUES (:name)"), {"name": name})
            else:
                connection.exec_driver_sql(f"CREATE TABLE {name} (a INTEGER)")
            connection.rollback()
    finally:
        engine.dispose()
        if new_file is not None:
            new_file.unlink(missing_ok=True)
