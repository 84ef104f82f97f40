"""The data of a refit: all open pieces trained on, none held out; then the sealed pieces, or others, are scored."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.corpora.selection import select
from data_prep.melodies.arrays import Melodies
from data_prep.performances.arrays import Performances


def for_refit(data: Any, num_networks: int = 1) -> Any:
    """Make folds that train on every piece and hold none out.

    Args:
        data: The open pieces, Melodies or Performances.
        num_networks: Number of folds: of networks that differ only in their random streams.

    Returns:
        The same with these folds; a piece's fold is ``num_networks``, which is no fold.
    """
    return replace(data, fold=np.full(data.num_pieces, num_networks, np.int8), num_folds=num_networks)


def for_test(data: Any, sealed: Any) -> Any:
    """Append the sealed pieces to the open ones, held out by the one fold that trains on those.

    Args:
        data: The open pieces, Melodies or Performances.
        sealed: The sealed pieces, under the same alphabets.

    Returns:
        All pieces with one fold; a sealed piece's fold is 0, an open one's 1.
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
    """Repeat pieces that no fold learnt from, so that each fold scores a copy of every piece.

    Args:
        data: The P pieces, Melodies or Performances.
        num_folds: Number of folds G.

    Returns:
        G * P pieces: all of them held out by the first fold, then all by the second, and so on.
    """
    copies = select(data, np.tile(np.arange(int(data.num_pieces)), num_folds))
    return replace(copies, fold=np.repeat(np.arange(num_folds, dtype=np.int8), data.num_pieces), num_folds=num_folds)


def groups(data: Any) -> NDArray[np.int64]:
    """[P] each piece's composition, as a number: pieces of one composition are not independent."""
    assert isinstance(data, Melodies | Performances)
    if isinstance(data, Melodies):
        return np.arange(data.num_pieces, dtype=np.int64)
    return data.composition.astype(np.int64)
