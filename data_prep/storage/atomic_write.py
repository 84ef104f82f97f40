"""Writing a file so that it is there whole, or as it was before, whatever happens meanwhile."""

import os
import tempfile
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a file so that the file is either whole or as it was before.

    Args:
        path: The file; its folder must exist.
        data: What is to be in it.

    Raises:
        OSError: If the disk does not take it; no partial file stays.
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
