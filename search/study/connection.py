"""The connection to a study's database: opening it, and the error if it does not answer."""

from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError

from data_prep.errors import BadInputError, one_line
from search.passwords import without_password
from search.study.states import DatabaseGoneError

_POSTGRESQL = {
    "connect_timeout": 3,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
"""Options of libpq that detect a lost server within seconds; options in the URL take precedence."""


def open_database(url: str) -> RDBStorage:
    """Open a database, and create Optuna's tables if it is empty.

    Args:
        url: The database's SQLAlchemy URL.

    Returns:
        The storage; it raises DatabaseGoneError if the database does not answer.

    Raises:
        BadInputError: If it cannot be opened.
    """
    shown = without_password(url)
    try:
        parsed = make_url(url)
    except Exception:  # noqa: BLE001  (its message may contain a part of the password)
        raise BadInputError("study.url must be a SQLAlchemy URL, driver://user@host/database", f"got {shown}") from None
    options: dict[str, Any] = {"pool_pre_ping": True}
    if parsed.drivername in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2"):
        options["connect_args"] = {name: value for name, value in _POSTGRESQL.items() if name not in parsed.query}
    try:
        storage = RDBStorage(url.replace("{", "{{").replace("}", "}}"), options)  # Optuna formats the URL
    except Exception as error:  # noqa: BLE001  (every database driver has errors of its own)
        reason = _reason(error)
        if "no password supplied" in reason:
            raise BadInputError(
                "the study's database asks for a password, and tunesmith stores none",
                shown,
                remedy="set PGPASSWORD, or keep it in ~/.pgpass or the file that PGPASSFILE names, and run the same "
                "command again",
            ) from None
        raise DatabaseGoneError(shown, reason) from None

    def translate(context: ExceptionContext) -> None:
        if context.is_pre_ping:
            return  # the pool reconnects
        if context.is_disconnect or isinstance(context.sqlalchemy_exception, OperationalError):
            raise DatabaseGoneError(shown, _first_line(context.original_exception))

    event.listen(storage.engine, "handle_error", translate)
    return storage


def close_database(storage: RDBStorage) -> None:
    """Close all connections."""
    storage.remove_session()
    storage.engine.dispose()


def _reason(error: BaseException) -> str:
    if isinstance(error, StorageInternalError) and error.__cause__ is not None:
        error = error.__cause__
    return _first_line(getattr(error, "orig", None) or error)


def _first_line(error: BaseException) -> str:
    return one_line(error).removeprefix("connection failed: ")  # psycopg's
