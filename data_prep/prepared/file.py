"""Store prepared pieces: the arrays of Melodies or Performances with a JSON header, as an uncompressed .npz file."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from fractions import Fraction
from io import BytesIO
from typing import Any, TypeVar

import numpy as np

from data_prep.melodies.arrays import Melodies
from data_prep.melodies.upper_voices import NUM_UPPER, UPPER
from data_prep.melodies.votes import EXPERTS, VOTE
from data_prep.performances.arrays import Performances
from data_prep.storage.format import check_format

DataT = TypeVar("DataT", Melodies, Performances)

FORMAT = 3
"""Format number of stored files, incremented when the format changes."""


def _fractions(values: Iterable[str]) -> tuple[Fraction, ...]:
    return tuple(Fraction(value) for value in values)


def _pairs(values: Iterable[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(value) for value in values)


_ALL: Mapping[str, Callable[[Any], Any]] = {"num_folds": int, "fingerprint": str, "corpus": str}

_HEADERS: Mapping[type[Any], Mapping[str, Callable[[Any], Any]]] = {
    Melodies: {
        "durations": _fractions,
        "positions": _fractions,
        "spellings": tuple,
        "ids": tuple,
        "metres": _pairs,
        **_ALL,
    },
    Performances: {"styles": tuple, "ids": tuple, **_ALL},
}
"""The attributes of each kind of data that are not arrays, in the order of the header, with converters from JSON."""


class DamagedError(ValueError):
    """Raised if a stored file is damaged; the pieces are then prepared again."""


def to_bytes(data: Melodies | Performances, extra: dict[str, Any]) -> bytes:
    """Serialise pieces.

    Args:
        data: The pieces.
        extra: Additional JSON values.

    Returns:
        The contents of the file.
    """
    values = {field.name: getattr(data, field.name) for field in fields(data)}
    header = {"format": FORMAT, "extra": extra, **{name: values[name] for name in _HEADERS[type(data)]}}
    arrays: dict[str, Any] = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    text = np.frombuffer(json.dumps(header, default=str).encode(), np.uint8)  # only a Fraction is not JSON
    buffer = BytesIO()
    np.savez(buffer, header=text, **arrays)
    return buffer.getvalue()


def from_bytes(data: bytes, where: str, form: type[DataT]) -> tuple[DataT, dict[str, Any]]:
    """Deserialise pieces and additional values.

    Args:
        data: The output of ``to_bytes``.
        where: Location of the data, for error messages.
        form: Class of the pieces, Melodies or Performances.

    Returns:
        The pieces, with read-only arrays, and the additional values.

    Raises:
        BadInputError: If a newer version wrote the data.
        DamagedError: If the data is damaged.
    """
    try:
        with np.load(BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop("header").tobytes())
        written = header["format"]
    except Exception as error:  # zipfile may raise anything on a damaged file
        raise DamagedError(f"{where}: {error}") from error
    check_format("prepared pieces", written, FORMAT, where)
    for array in arrays.values():
        array.setflags(write=False)
    try:
        restored = form(**arrays, **{name: make(header[name]) for name, make in _HEADERS[form].items()})
    except (TypeError, ValueError, KeyError) as error:
        raise DamagedError(f"{where}: {error}") from error
    if isinstance(restored, Melodies):
        for name, dtype, width in (("votes", VOTE, len(EXPERTS)), ("upper", UPPER, NUM_UPPER)):
            array = getattr(restored, name)
            stored, expected = (array.dtype, array.shape), (dtype, (restored.num_notes, width))
            if stored != expected:
                raise DamagedError(f"{where}: {name} are {expected}, not {stored}")
    return restored, header["extra"]
