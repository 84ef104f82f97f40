"""The one way in which this program writes a file whole."""

import os
import tempfile
from pathlib import Path


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file so that it is either complete or unchanged, even if the process is killed meanwhile.

    Args:
        path: The file; its folder must exist.
        data: Its content.

    Raises:
        OSError: If it cannot be written; no partial file stays.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
