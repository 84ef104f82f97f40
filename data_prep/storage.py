"""Prepared pieces in a file: the arrays of Melodies with a JSON header, as a plain .npz."""

import json
from dataclasses import fields
from fractions import Fraction
from io import BytesIO
from typing import Any

import numpy as np

from data_prep.errors import BadInputError
from data_prep.melodies import Melodies

FORMAT = 1
"""Of the stored file. A file with a greater number was written by a newer version."""

_FRACTIONS = ("durations", "positions")
_TUPLES = ("spellings", "ids", "metres")
_PLAIN = ("num_folds", "fingerprint", "corpus")


class DamagedError(ValueError):
    """A stored file that cannot be what was written; it is made anew."""


def to_bytes(melodies: Melodies, extra: dict[str, Any]) -> bytes:
    """Store melodies.

    Args:
        melodies: What to store.
        extra: What else to store, as JSON.

    Returns:
        The file's contents.
    """
    values = {field.name: getattr(melodies, field.name) for field in fields(melodies)}
    header = {
        "format": FORMAT,
        "extra": extra,
        **{name: [str(value) for value in values[name]] for name in _FRACTIONS},
        **{name: values[name] for name in (*_TUPLES, *_PLAIN)},
    }
    arrays: dict[str, Any] = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    buffer = BytesIO()
    np.savez(buffer, header=text, **arrays)
    return buffer.getvalue()


def from_bytes(data: bytes, where: str) -> tuple[Melodies, dict[str, Any]]:
    """Restore melodies and what was stored beside them.

    Args:
        data: What ``to_bytes`` gave.
        where: Where it is stored, for the error.

    Returns:
        The melodies, with read-only arrays, and the extra JSON.

    Raises:
        BadInputError: If a newer version wrote it.
        DamagedError: If it is damaged.
    """
    try:
        with np.load(BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop("header").tobytes())
        written = header["format"]
    except Exception as error:  # whatever a damaged file makes of zipfile
        raise DamagedError(f"{where}: {error}") from error
    if written > FORMAT:
        raise BadInputError(
            f"prepared pieces of format {FORMAT} or older can be read, these have format {written} ({where}): "
            "a newer tunesmith wrote them; upgrade tunesmith, or remove the file"
        )
    for array in arrays.values():
        array.setflags(write=False)
    try:
        melodies = Melodies(
            **arrays,
            **{name: tuple(Fraction(value) for value in header[name]) for name in _FRACTIONS},
            spellings=tuple(header["spellings"]),
            ids=tuple(header["ids"]),
            metres=tuple((beats, unit) for beats, unit in header["metres"]),
            **{name: header[name] for name in _PLAIN},
        )
    except (TypeError, ValueError, KeyError) as error:
        raise DamagedError(f"{where}: {error}") from error
    return melodies, header["extra"]
