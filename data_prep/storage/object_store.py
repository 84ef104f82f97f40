"""Object stores: named bytes in a folder or a bucket that every machine of a cluster can read.

A store contains only its location, so that it pickles small, and each process uses its own credentials.
"""

import errno
from typing import Final, Protocol, Self

from data_prep.errors import BadInputError

DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a lack of space."""


class UnusableStoreError(BadInputError):
    """Raised if an object store cannot be read or written."""

    @classmethod
    def of(cls, label: str, reason: str, remedy: str) -> Self:
        """Return the error for a store.

        Args:
            label: Location of the store.
            reason: Why it cannot be used.
            remedy: How to fix it.

        Returns:
            The error, to be raised by the caller.
        """
        return cls("storage must be readable and writable", f"{label} is not ({reason})", remedy=remedy)


class ObjectStore(Protocol):
    """Named bytes; slashes separate the parts of a name ("checkpoints/trial-00007.pt").

    Every method raises ``UnusableStoreError`` for any failure except a missing name; only a folder without space
    raises the system's ``OSError``, with one of ``DISK_FULL``.
    """

    @property
    def label(self) -> str:
        """Location of the store for messages."""
        ...

    def below(self, name: str) -> Self:
        """Return the store of all names that begin with the given one and a slash."""
        ...

    def read(self, name: str) -> bytes:
        """Return the bytes under a name; raise FileNotFoundError if there are none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write bytes under a name atomically."""
        ...

    def exists(self, name: str) -> bool:
        """Return whether there are bytes under a name."""
        ...

    def remove(self, name: str) -> None:
        """Remove the bytes under a name, if there are any."""
        ...

    def clear(self) -> None:
        """Remove everything in a store of :meth:`below`."""
        ...

    def names(self, below: str) -> list[str]:
        """Return the names with one part more than the given one, sorted."""
        ...
