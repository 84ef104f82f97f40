"""Some of the pieces of prepared data, in any order, with repetitions, under the same alphabets."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


def select(data: Any, chosen: Sequence[int] | NDArray[np.integer]) -> Any:
    """Return some of the pieces.

    Args:
        data: Melodies or Performances; ``OF_PIECES`` names their arrays with a row for each piece, and all others but
            ``start`` have one for each note.
        chosen: [p] their numbers, in the order that is wanted; a number may occur more than once.

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
