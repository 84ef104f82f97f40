"""Trying the tracking store and the study's database before a search does: each write is taken back.

The doctor calls these; what they return says how it stands, and what cannot be used raises BadInputError.
"""

# MLflow and SQLAlchemy are partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportPrivateImportUsage=false

import tempfile
import uuid
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from data_prep.errors import BadInputError
from search.passwords import first_line, without_password
from search.private_apis import study_table
from search.spec.file import SearchSpec
from search.study.database import check_apart, folder
from search.study.folder_lock import FileLeaseRecord
from search.study.lease import Driver, living
from search.tracking.runs import check_tracking, connect, quieten, tracking_uri
from search.tracking.store_file import sqlite_file

if TYPE_CHECKING:
    from sqlalchemy import Engine

_SECONDS = 5
_PORTS: Mapping[str, int] = {"postgresql": 5432, "mysql": 3306, "http": 80, "https": 443}


def servers(search: SearchSpec) -> dict[str, tuple[str, int]]:
    """Give host and port of the servers that a search speaks to, by what they are to it ("tracking", "study")."""
    found: dict[str, tuple[str, int]] = {}
    for name, url in (("tracking", search.tracking.uri), ("study", search.study.url)):
        parts = urlsplit(url)
        port = _PORTS.get(parts.scheme.partition("+")[0])
        if port is not None and parts.hostname:
            found[name] = (parts.hostname, parts.port or port)
    return found


def try_home(home: Path) -> str:
    """Write to the home folder.

    Args:
        home: The folder.

    Returns:
        How it stands.

    Raises:
        BadInputError: If it takes no file.
    """
    try:
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(bytes(1 << 20))
            file.flush()
    except OSError as error:
        raise BadInputError(
            f"the home folder must take what a search writes: {home} does not ({error.strerror}); "
            "make it writable, make room there, or name another with --home"
        ) from None
    return f"{home} takes what is written"


def try_tracking(search: SearchSpec, home: Path) -> str:
    """Write to MLflow's store: a tag on an experiment, which is taken off again.

    Args:
        search: The search.
        home: The home folder.

    Returns:
        How it stands.

    Raises:
        BadInputError: If it does not answer, or takes no writing.
    """
    uri = tracking_uri(search, home)
    check_tracking(uri)
    shown = without_password(uri)
    if _new_file(uri) is not None:
        return f"{shown} is made when the search starts"
    quieten()
    tag = f"tunesmith.doctor.round.{uuid.uuid4().hex}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own
            client = connect(uri)
            experiments = client.search_experiments(max_results=1)
            if not experiments:
                return f"{shown} answers; it holds nothing yet that could be written to"
            client.set_experiment_tag(experiments[0].experiment_id, tag, "written and taken back")
            client.delete_experiment_tag(experiments[0].experiment_id, tag)
    except Exception as error:  # noqa: BLE001  (MLflow, SQLAlchemy and every database have errors of their own)
        raise BadInputError(
            f"the tracking store must take what is written: {shown} does not ({first_line(error, uri)}); "
            "see to the right to write of its server or user, or name another store (tracking.uri)"
        ) from None
    return f"{shown} takes what is written"


def try_study(search: SearchSpec, home: Path) -> str:
    """Write to the study's database, in a transaction that is rolled back.

    Args:
        search: The search.
        home: The home folder.

    Returns:
        How it stands.

    Raises:
        BadInputError: If it does not answer, or takes no writing.
    """
    check_apart(search)
    if not search.study.url:
        return _try_journal(folder(home, search.name) / "study.journal")
    shown = without_password(search.study.url)
    try:
        _write_and_take_back(search.study.url)
    except ImportError as error:
        raise BadInputError(
            f"the study's database needs its driver: {shown} ({error}); pip install it, or write postgresql+psycopg://"
        ) from None
    except Exception as error:  # noqa: BLE001  (every database driver has errors of its own)
        reason = first_line(error, search.study.url)
        raise BadInputError(
            f"the study's database must be reachable and take what is written: {shown} ({reason}); start "
            "it, or see to its user's right to make tables there, and to the password (PGPASSWORD or ~/.pgpass)"
        ) from None
    return f"{shown} takes what is written"


def unended_driver(search: SearchSpec, home: Path) -> Driver | None:
    """Give the process that took a search and has not ended it.

    Args:
        search: The search, whose study can be reached.
        home: The home folder.

    Returns:
        The process, which may be running it now or may have died with its machine; None if there is none, or if it is
        known to have died.
    """
    if search.study.url:
        return _driver_in_database(search.study.url, search.name)
    return living(FileLeaseRecord(folder(home, search.name) / "driver.json"))


def _driver_in_database(url: str, name: str) -> Driver | None:
    """Read a lease, and leave a database without studies as it is."""
    from sqlalchemy import inspect, select  # noqa: PLC0415

    from search.study.retrying_storage import DatabaseLeaseRecord  # noqa: PLC0415

    if _new_file(url) is not None:
        return None
    engine, studies = _engine(url), study_table()
    try:
        if not inspect(engine).has_table(studies.__tablename__):
            return None
        with engine.connect() as connection:
            study = connection.execute(select(studies.study_id).where(studies.study_name == name)).scalar()
        return None if study is None else living(DatabaseLeaseRecord(engine, study))
    finally:
        engine.dispose()


def _engine(url: str) -> "Engine":
    """Make an engine that neither keeps connections nor waits for long."""
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    patience: dict[str, Any] = {"timeout" if url.startswith("sqlite") else "connect_timeout": _SECONDS}
    return create_engine(url, poolclass=NullPool, connect_args=patience)


def _try_journal(path: Path) -> str:
    if not path.exists():
        return f"{path} is made when the search starts"
    try:
        with path.open("ab"):
            return f"{path} takes what is written"
    except OSError as error:
        raise BadInputError(
            f"the study's journal must be writable: {path} is not ({error.strerror}); make it so"
        ) from None


def _write_and_take_back(url: str) -> None:
    """Add a row to Optuna's table of studies, or make a table where there is none, and roll back."""
    from sqlalchemy import inspect  # noqa: PLC0415  (only who names a database waits for it)

    new_file = _new_file(url)
    engine = _engine(url)
    name = f"tunesmith_doctor_{uuid.uuid4().hex}"
    try:
        with engine.connect() as connection:
            in_use = inspect(connection).has_table("studies")
            connection.rollback()
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            if in_use:
                connection.exec_driver_sql(f"INSERT INTO studies (study_name) VALUES ('{name}')")  # noqa: S608  (hex)
            else:
                connection.exec_driver_sql(f"CREATE TABLE {name} (a INTEGER)")
            connection.rollback()
    finally:
        engine.dispose()
        if new_file is not None:
            new_file.unlink(missing_ok=True)


def _new_file(url: str) -> Path | None:
    """Name the file that SQLite would make of a URL, None if it is there already."""
    path = sqlite_file(url)
    return None if path is None or path.exists() else path
