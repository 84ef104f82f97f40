"""Limits that every reader applies: the largest music files that are read, so that no input exhausts the machine.

They are far above real music.
"""

import os
import stat
from fractions import Fraction
from pathlib import Path

MAX_BYTES = 16_000_000
"""Size of one file."""

MAX_UNPACKED_BYTES = 64_000_000
"""Size of one file of an archive, unpacked."""

MAX_NOTES = 200_000
"""Notes of one file."""

MAX_QUARTERS = 1_000_000
"""Length of one file in quarter notes: about six days at 120 quarter notes a minute."""

MAX_SILENT_BARS = 10_000
"""Bars of rests that a reader fills in for one voice."""

MAX_BEATS = 64
"""Beats of a metre."""

METRE_UNITS = (1, 2, 4, 8, 16, 32, 64)
"""Beat units of a metre."""


MAX_NETWORKS = 256
"""Networks (folds) of one trained model."""


def read_bytes(path: Path) -> bytes:
    """Read a file of music.

    Args:
        path: The file.

    Returns:
        Its contents.

    Raises:
        ValueError: If it has more than MAX_BYTES, or is a pipe or a device, which may have no end.
        OSError: If it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # opening a pipe would wait for its writer
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no regular file")
        data = file.read(MAX_BYTES + 1)
    check_num_bytes(len(data))
    return data


def is_metre(beats: int, unit: int) -> bool:
    """Return whether numbers make a metre; readers ignore a time signature that does not."""
    return 1 <= beats <= MAX_BEATS and unit in METRE_UNITS


def check_length(quarters: Fraction | float) -> None:
    """Reject a length that is too great.

    Args:
        quarters: In quarter notes.

    Raises:
        ValueError: If it is more than MAX_QUARTERS.
    """
    if quarters > MAX_QUARTERS:
        lasts = float(min(quarters, Fraction(10**18)))
        raise ValueError(f"music of at most {MAX_QUARTERS} quarter notes is read: it lasts {lasts:.6g}")


def check_num_notes(count: int) -> None:
    """Reject too many notes.

    Args:
        count: The number.

    Raises:
        ValueError: If it is more than MAX_NOTES.
    """
    if count > MAX_NOTES:
        raise ValueError(f"files of at most {MAX_NOTES} notes are read: it has {count}")


def check_num_networks(count: int) -> None:
    """Reject a number of networks out of bounds.

    Args:
        count: The number.

    Raises:
        ValueError: If it is not 1 to MAX_NETWORKS.
    """
    if not 1 <= count <= MAX_NETWORKS:
        raise ValueError(f"a model has 1 to {MAX_NETWORKS} networks: it has {count}")


def check_num_bytes(count: int, limit: int = MAX_BYTES) -> None:
    """Reject a file that is too large.

    Args:
        count: Bytes.
        limit: The most that are allowed.

    Raises:
        ValueError: If there are more.
    """
    if count > limit:
        raise ValueError(f"files of at most {limit / 1e6:g} MB are read: it has more")
