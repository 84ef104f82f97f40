"""Where bytes lie by their names, so that every machine of a cluster can read them: a folder, or an object store.

A place says where it is and nothing else: it pickles small, and whoever uses it brings credentials of his own.
"""

import errno
import re
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, Self
from urllib.parse import parse_qsl, urlsplit

from data_prep.errors import BadInputError, one_line, unknown
from data_prep.storage import atomic_write
from data_prep.storage.buckets import CREDENTIALS, OPTIONS, Bucket
from data_prep.storage.unusable import UnusablePlaceError, unusable

DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors that mean a lack of room."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,221}")
_MARK = "mark-"


class Place(Protocol):
    """Bytes by name; a name has parts between slashes ("checkpoints/trial-00007.pt").

    Whatever a place does but find nothing under a name, it raises ``UnusablePlaceError``, one line for the user; but a
    folder without room raises the system's ``OSError`` with one of ``DISK_FULL``.
    """

    @property
    def label(self) -> str:
        """Where it is, for people."""
        ...

    def below(self, name: str) -> Self:
        """Give the place whose names are those of this one that begin with the given one and a slash."""
        ...

    def read(self, name: str) -> bytes:
        """Read what is there; FileNotFoundError if nothing is."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write so that the bytes are there whole, or what was there before stays."""
        ...

    def exists(self, name: str) -> bool:
        """Say whether there is something under a name."""
        ...

    def remove(self, name: str) -> None:
        """Remove what is there, if anything is."""
        ...

    def names(self, below: str) -> list[str]:
        """List the names that are one part longer than the given one, sorted."""
        ...


@dataclass(frozen=True)
class FolderPlace:
    """A folder; on a cluster one that every machine has under the same path.

    Attributes:
        root: The folder, absolute. It must be there: where a shared folder is not mounted, nothing is written.
        prefix: What all names begin with.
    """

    root: Path
    prefix: str = ""

    @property
    def label(self) -> str:
        """Where it is, for people."""
        return str(self._path("")) if self.prefix else str(self.root)

    def below(self, name: str) -> Self:
        """Give the place of the names that begin with the given one."""
        return replace(self, prefix=f"{self.prefix}{name}/")

    def read(self, name: str) -> bytes:
        """Read what is there; FileNotFoundError if nothing is."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            self._check_root()
            raise
        except OSError as error:
            raise self._unusable(error) from error

    def write(self, name: str, data: bytes) -> None:
        """Write so that the bytes are there whole, or what was there before stays."""
        self._check_root()
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write.write(path, data)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise OSError(error.errno, error.strerror, str(path)) from error
            raise self._unusable(error) from error

    def exists(self, name: str) -> bool:
        """Say whether there is something under a name."""
        try:
            return self._path(name).is_file()
        except OSError as error:
            raise self._unusable(error) from error

    def remove(self, name: str) -> None:
        """Remove what is there, if anything is."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    def names(self, below: str) -> list[str]:
        """List the names that are one part longer than the given one, sorted."""
        self._check_root()
        try:
            found = [path.name for path in self._path(below).iterdir() if path.is_file()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._unusable(error) from error
        return sorted(f"{below}/{name}" for name in found if not name.startswith("."))

    def _path(self, name: str) -> Path:
        return self.root / f"{self.prefix}{name}"

    def _check_root(self) -> None:
        if not self.root.is_dir():
            raise unusable(str(self.root), "there is no such folder here", "make it, or mount what is shared there")

    def _unusable(self, error: OSError) -> UnusablePlaceError:
        return unusable(
            self.label, error.strerror or one_line(error), "make the folder writable on every machine, or name another"
        )


@dataclass(frozen=True)
class BucketPlace:
    """A bucket of an object store, or what lies in it below a prefix.

    Attributes:
        bucket: The bucket and how it is reached.
        prefix: What all names begin with.
    """

    bucket: Bucket
    prefix: str = ""

    @property
    def label(self) -> str:
        """Where it is, for people."""
        return f"{self.bucket.scheme}://{self.bucket.name}/{self.prefix}".rstrip("/")

    def below(self, name: str) -> Self:
        """Give the place of the names that begin with the given one."""
        return replace(self, prefix=f"{self.prefix}{name}/")

    def patient(self, seconds: float) -> Self:
        """Give the same place, waiting out a store that does not answer for so long."""
        return replace(self, bucket=replace(self.bucket, patience=seconds))

    def read(self, name: str) -> bytes:
        """Read what is there; FileNotFoundError if nothing is."""
        return self.bucket.read(f"{self.prefix}{name}")

    def write(self, name: str, data: bytes) -> None:
        """Write so that the bytes are there whole, or what was there before stays."""
        self.bucket.write(f"{self.prefix}{name}", data)

    def exists(self, name: str) -> bool:
        """Say whether there is something under a name."""
        return self.bucket.exists(f"{self.prefix}{name}")

    def remove(self, name: str) -> None:
        """Remove what is there, if anything is."""
        self.bucket.remove(f"{self.prefix}{name}")

    def names(self, below: str) -> list[str]:
        """List the names that are one part longer than the given one, sorted."""
        found = (name.removeprefix(self.prefix) for name in self.bucket.names(f"{self.prefix}{below}"))
        return sorted(name for name in found if not name.rpartition("/")[2].startswith("."))


def place(where: str | Path) -> FolderPlace | BucketPlace:
    """Choose the place that a text names; nothing is opened yet.

    Args:
        where: A folder's absolute path, s3://bucket/prefix or gs://bucket/prefix. Stores that are not Amazon's or
            Google's own are named behind a question mark: s3://bucket?endpoint_override=127.0.0.1:9000&scheme=http.

    Returns:
        The place.

    Raises:
        BadInputError: If the text names none, or holds credentials.
    """
    text = str(where)
    scheme = text.partition("://")[0] if "://" in text else ""
    if not scheme and Path(text).is_absolute():
        return FolderPlace(Path(text))
    if scheme not in OPTIONS:
        raise BadInputError(
            "storage is a folder's absolute path, s3://bucket/prefix or gs://bucket/prefix: "
            f"got {_without_credentials(text)!r}"
        )
    if "@" in text:
        raise BadInputError(
            f"credentials never stand in storage, {_without_credentials(text)!r}: take them out, and give every "
            f"machine {CREDENTIALS[scheme]}"
        )
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for key in options:
        if key not in OPTIONS[scheme]:
            raise unknown("option of storage", key, OPTIONS[scheme], _without_credentials(text))
    if not _BUCKET.fullmatch(parts.netloc) or parts.fragment:
        raise BadInputError(f"storage names a bucket, as in {scheme}://bucket/prefix: got {text!r}")
    prefix = "/".join(part for part in parts.path.split("/") if part)
    return BucketPlace(Bucket(scheme, parts.netloc, tuple(sorted(options.items()))), f"{prefix}/" if prefix else "")


def _without_credentials(text: str) -> str:
    """Strike out whatever may be a secret: a user and what follows a question mark."""
    scheme, separator, rest = text.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}".partition("?")[0]


def check(where: Place) -> None:
    """See that a place takes what is written and gives it back; a folder that is not there yet is made.

    Args:
        where: The place.

    Raises:
        BadInputError: If it does not, with the reason.
    """
    name, content = f"probe-{uuid.uuid4().hex}", uuid.uuid4().bytes
    try:
        if isinstance(where, FolderPlace) and not where.root.exists():
            where.root.mkdir()
        where.write(name, content)
        found = where.read(name)
        where.remove(name)
    except UnusablePlaceError:
        raise
    except OSError as error:
        remedy = "make room there" if error.errno in DISK_FULL else "make it, or name another"
        raise unusable(where.label, error.strerror or one_line(error), remedy) from None
    if found != content:
        raise unusable(where.label, "it gave back other bytes than were written", "name another")


def leave_mark(where: Place) -> str:
    """Leave a mark for another machine to find; whoever has seen it removes it.

    Args:
        where: The place.

    Returns:
        The mark's name for :func:`find_mark` and :func:`remove_mark`.
    """
    token = uuid.uuid4().hex
    where.write(f"{_MARK}{token}", token.encode())
    return token


def find_mark(where: Place, token: str) -> bool:
    """Say whether a mark that was left elsewhere is seen here."""
    try:
        return where.read(f"{_MARK}{token}") == token.encode()
    except FileNotFoundError:
        return False


def remove_mark(where: Place, token: str) -> None:
    """Remove a mark, if it is there."""
    where.remove(f"{_MARK}{token}")
