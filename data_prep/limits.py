"""Limits on the size of music files, applied by every reader so that no input exhausts the machine.

They are far above real music.
"""

import os
import stat
from fractions import Fraction
from pathlib import Path

MAX_BYTES = 16_000_000
"""Size of a file."""

MAX_UNPACKED_BYTES = 64_000_000
"""Unpacked size of a file in an archive."""

MAX_NOTES = 200_000
"""Notes in a file."""

MAX_QUARTERS = 1_000_000
"""Length of a file in quarter notes: about six days at 120 quarter notes per minute."""

MAX_SILENT_BARS = 10_000
"""Bars of rests that a reader fills in for a voice."""

MAX_BEATS = 64
"""Beats of a metre."""

METRE_UNITS = (1, 2, 4, 8, 16, 32, 64)
"""Beat units of a metre."""

MAX_NETWORKS = 256
"""Networks (folds) of a trained model."""


def read_bytes(path: Path) -> bytes:
    """Read a music file.

    Args:
        path: The file.

    Returns:
        The contents of the file.

    Raises:
        ValueError: If the file is larger than MAX_BYTES, or is a pipe or a device, which may have no end.
        OSError: If the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # opening a pipe would wait for its writer
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is not a regular file")
        data = file.read(MAX_BYTES + 1)
    check_num_bytes(len(data))
    return data


def is_metre(beats: int, unit: int) -> bool:
    """Return whether the numbers form a valid metre; readers ignore other time signatures."""
    return 1 <= beats <= MAX_BEATS and unit in METRE_UNITS


def check_length(quarters: Fraction | float) -> None:
    """Raise ValueError if a length in quarter notes exceeds MAX_QUARTERS."""
    if quarters > MAX_QUARTERS:
        length = float(min(quarters, Fraction(10**18)))
        raise ValueError(f"music of at most {MAX_QUARTERS} quarter notes is read: it lasts {length:.6g}")


def check_num_notes(count: int) -> None:
    """Raise ValueError if a number of notes exceeds MAX_NOTES."""
    if count > MAX_NOTES:
        raise ValueError(f"files of at most {MAX_NOTES} notes are read: it has {count}")


def check_num_networks(count: int) -> None:
    """Raise ValueError if a number of networks is outside 1..MAX_NETWORKS."""
    if not 1 <= count <= MAX_NETWORKS:
        raise ValueError(f"a model has 1 to {MAX_NETWORKS} networks: it has {count}")


def check_num_bytes(count: int, limit: int = MAX_BYTES) -> None:
    """Raise ValueError if a number of bytes exceeds a limit."""
    if count > limit:
        raise ValueError(f"files of at most {limit / 1e6:g} MB are read: it has more")
