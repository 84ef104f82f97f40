"""A folder as an object store; on a cluster every machine mounts it under the same path."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from data_prep.errors import one_line
from data_prep.storage.atomic_write import atomic_write
from data_prep.storage.object_store import DISK_FULL, UnusableStoreError


@dataclass(frozen=True)
class FolderStore:
    """A folder; see ``ObjectStore``.

    Attributes:
        root: Absolute path of the folder. It must exist, so that nothing is written if a shared folder is not mounted.
        prefix: Prefix of all names.
    """

    root: Path
    prefix: str = ""

    @property
    def label(self) -> str:
        """Location of the store for messages."""
        return str(self._path("")) if self.prefix else str(self.root)

    def below(self, name: str) -> Self:
        """Return the store of all names that begin with the given one and a slash."""
        return replace(self, prefix=f"{self.prefix}{name}/")

    def read(self, name: str) -> bytes:
        """Return the bytes under a name; raise FileNotFoundError if there are none."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            self._check_root()
            raise
        except OSError as error:
            raise self._unusable(error) from error

    def write(self, name: str, data: bytes) -> None:
        """Write bytes under a name atomically."""
        self._check_root()
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, data)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise OSError(error.errno, error.strerror, str(path)) from error
            raise self._unusable(error) from error

    def exists(self, name: str) -> bool:
        """Return whether there are bytes under a name."""
        try:
            return self._path(name).is_file()
        except OSError as error:
            raise self._unusable(error) from error

    def remove(self, name: str) -> None:
        """Remove the bytes under a name, if there are any."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    def clear(self) -> None:
        """Remove everything in a store of :meth:`below`."""
        assert self.prefix
        self._check_root()
        try:
            shutil.rmtree(self._path(""))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._unusable(error) from error

    def names(self, below: str) -> list[str]:
        """Return the names with one part more than the given one, sorted."""
        self._check_root()
        try:
            files = [path.name for path in self._path(below).iterdir() if path.is_file()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._unusable(error) from error
        return sorted(f"{below}/{name}" for name in files if not name.startswith("."))

    def _path(self, name: str) -> Path:
        return self.root / f"{self.prefix}{name}"

    def _check_root(self) -> None:
        if not self.root.is_dir():
            raise UnusableStoreError.of(
                str(self.root), "there is no such folder here", "create it, or mount the shared folder"
            )

    def _unusable(self, error: OSError) -> UnusableStoreError:
        reason, remedy = error.strerror or one_line(error), "make the folder writable on every machine, or name another"
        return UnusableStoreError.of(self.label, reason, remedy)
