"""Object stores: bytes by name, where every machine of a cluster can read them. A folder or a bucket.

A store holds only its location: it pickles small, and each process brings its own credentials.
"""

import errno
from typing import Final, Protocol, Self

from data_prep.errors import BadInputError

DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers that mean a lack of space."""


class UnusableStoreError(BadInputError):
    """An object store cannot be read or written."""

    @classmethod
    def of(cls, label: str, reason: str, remedy: str) -> Self:
        """Return the error.

        Args:
            label: Where the store is.
            reason: Why it cannot be used.
            remedy: What to do.

        Returns:
            The error, to be raised by the caller.
        """
        return cls("storage must be readable and writable", f"{label} is not ({reason})", remedy=remedy)


class ObjectStore(Protocol):
    """Bytes by name; a name has parts between slashes ("checkpoints/trial-00007.pt").

    Every method raises ``UnusableStoreError`` for any failure except a missing name; only a folder without space
    raises the system's ``OSError``, with one of ``DISK_FULL``.
    """

    @property
    def label(self) -> str:
        """Where the store is, for people."""
        ...

    def below(self, name: str) -> Self:
        """Return the store of the names that begin with the given one and a slash."""
        ...

    def read(self, name: str) -> bytes:
        """Return the bytes under a name; raise FileNotFoundError if there are none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write bytes under a name, whole or not at all."""
        ...

    def exists(self, name: str) -> bool:
        """Return whether there are bytes under a name."""
        ...

    def remove(self, name: str) -> None:
        """Remove the bytes under a name, if there are any."""
        ...

    def names(self, below: str) -> list[str]:
        """Return the names that are one part longer than the given one, sorted."""
        ...
