"""Assign folds for a refit, which trains on every piece, and for scoring the test set or other pieces."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.corpora.selection import select
from data_prep.melodies.arrays import Melodies
from data_prep.performances.arrays import Performances


def for_refit(data: Any, num_networks: int = 1) -> Any:
    """Assign folds that train on every piece and hold none out.

    Args:
        data: The pieces, Melodies or Performances.
        num_networks: Number of folds; their networks differ only in their random streams.

    Returns:
        The same pieces; the fold of each is ``num_networks``, so that no fold holds it out.
    """
    return replace(data, fold=np.full(data.num_pieces, num_networks, np.int8), num_folds=num_networks)


def for_test(data: Any, sealed: Any) -> Any:
    """Append pieces of the test set, with one fold that holds them out and trains on the others.

    Args:
        data: The pieces to train on, Melodies or Performances.
        sealed: The pieces of the test set, under the same alphabets.

    Returns:
        All pieces with one fold; the fold of a test piece is 0, that of the others 1.
    """
    assert isinstance(data, Melodies | Performances)
    pairs = {field.name: (getattr(data, field.name), getattr(sealed, field.name)) for field in fields(data)}
    joined: dict[str, Any] = {
        name: np.concatenate(pair) for name, pair in pairs.items() if isinstance(pair[0], np.ndarray)
    }
    joined["start"] = np.concatenate([data.start, sealed.start[1:] + data.start[-1]])
    joined["fold"] = np.repeat(np.array([1, 0], np.int8), [data.num_pieces, sealed.num_pieces])
    return replace(data, **joined, ids=(*data.ids, *sealed.ids), num_folds=1)


def for_every_fold(data: Any, num_folds: int) -> Any:
    """Repeat pieces so that each fold holds out a copy of every piece.

    Args:
        data: The P pieces, Melodies or Performances.
        num_folds: Number of folds G.

    Returns:
        G * P pieces: a copy of all pieces held out by the first fold, then one held out by the second, and so on.
    """
    copies = select(data, np.tile(np.arange(int(data.num_pieces)), num_folds))
    return replace(copies, fold=np.repeat(np.arange(num_folds, dtype=np.int8), data.num_pieces), num_folds=num_folds)


def groups(data: Any) -> NDArray[np.int64]:
    """Return [P] the number of each piece's composition; pieces of one composition are not independent."""
    assert isinstance(data, Melodies | Performances)
    if isinstance(data, Melodies):
        return np.arange(data.num_pieces, dtype=np.int64)
    return data.composition.astype(np.int64)
