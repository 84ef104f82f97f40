"""Check that an object store returns the bytes written to it, and that one machine reads what another wrote."""

import uuid

from data_prep.errors import one_line
from data_prep.storage.folder_store import FolderStore
from data_prep.storage.object_store import DISK_FULL, ObjectStore, UnusableStoreError

_MARK = "mark-"


def check(store: ObjectStore) -> None:
    """Check that a store returns the bytes written to it; create its folder if it does not exist yet.

    Args:
        store: The store.

    Raises:
        BadInputError: If the check fails, with the reason.
    """
    name, content = f"probe-{uuid.uuid4().hex}", uuid.uuid4().bytes
    try:
        if isinstance(store, FolderStore) and not store.root.exists():
            store.root.mkdir()
        store.write(name, content)
        returned = store.read(name)
        store.remove(name)
    except OSError as error:
        remedy = "free some space there" if error.errno in DISK_FULL else "create it, or name another"
        raise UnusableStoreError.of(store.label, error.strerror or one_line(error), remedy) from None
    if returned != content:
        raise UnusableStoreError.of(store.label, "it returned other bytes than were written", "name another")


def leave_mark(store: ObjectStore) -> str:
    """Write a mark for another machine to find and remove.

    Args:
        store: The store.

    Returns:
        The mark's name for :func:`find_mark` and :func:`remove_mark`.
    """
    token = uuid.uuid4().hex
    store.write(f"{_MARK}{token}", token.encode())
    return token


def find_mark(store: ObjectStore, token: str) -> bool:
    """Return whether this machine can read a mark that another wrote."""
    try:
        return store.read(f"{_MARK}{token}") == token.encode()
    except FileNotFoundError:
        return False


def remove_mark(store: ObjectStore, token: str) -> None:
    """Remove a mark, if it exists."""
    store.remove(f"{_MARK}{token}")
