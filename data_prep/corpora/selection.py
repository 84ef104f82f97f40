"""Select pieces of prepared data, in any order and with repetitions, under the same alphabets."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


def select(data: Any, chosen: Sequence[int] | NDArray[np.integer]) -> Any:
    """Select pieces.

    Args:
        data: Melodies or Performances; the arrays in ``OF_PIECES`` have a row for each piece, all others except
            ``start`` a row for each note.
        chosen: [p] numbers of the pieces in the order of the result, possibly repeated.

    Returns:
        Data of the same kind, with read-only arrays.
    """
    pieces = np.array(chosen, np.int64)
    lengths = np.diff(data.start)[pieces]
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    notes = np.arange(int(start[-1])) + np.repeat(data.start[pieces] - start[:-1], lengths)
    arrays = {field.name: getattr(data, field.name) for field in fields(data)}
    taken: dict[str, NDArray[Any]] = {
        name: array[pieces if name in data.OF_PIECES else notes]
        for name, array in arrays.items()
        if isinstance(array, np.ndarray) and name != "start"
    }
    taken["start"] = start
    for array in taken.values():
        array.setflags(write=False)
    return replace(data, **taken, ids=tuple(data.ids[piece] for piece in pieces.tolist()))
