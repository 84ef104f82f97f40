"""Which pieces of a corpus a model has seen: those that are kin to a piece that it learnt from.

Kin is what the folds of a search keep together (``melodies.kinship``): of melodies variants that share a long run of
intervals, of performances those of one composition. Pieces with the same notes count too, however short.
"""

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies.arrays import Melodies
from data_prep.melodies.kinship import compositions, groups_of_lines, skyline
from data_prep.performances.arrays import Performances
from data_prep.pitches import REST
from data_prep.prepared.alphabets import joined


def seen_pieces(learnt: Any, data: Any) -> NDArray[np.bool_]:
    """Find the pieces that a model has seen.

    Args:
        learnt: The pieces that it learnt from, Melodies or Performances.
        data: Others of the same kind.

    Returns:
        [P] for each of ``data``, whether it is in one group of kin with any of ``learnt``.
    """
    assert isinstance(data, Melodies | Performances)
    pair = joined(learnt, data)
    group = _of_melodies(pair) if isinstance(data, Melodies) else _of_performances(pair)
    return np.isin(group[learnt.num_pieces :], group[: learnt.num_pieces])


def _of_melodies(corpora: Sequence[Melodies]) -> list[int]:
    """Group the pieces of several corpora, in their order."""
    lines: list[NDArray[np.int16]] = []
    contents: list[Hashable] = []
    for corpus in corpora:
        for begin, end in pairwise(corpus.start.tolist()):
            pitch, duration = corpus.pitch[begin:end], corpus.duration[begin:end]
            lines.append(pitch[pitch != REST])
            contents.append((pitch.tobytes(), duration.tobytes()))
    return groups_of_lines(lines, [contents])


def _of_performances(corpora: Sequence[Performances]) -> list[int]:
    lines: list[NDArray[np.int16]] = []
    contents: list[Hashable] = []
    for corpus in corpora:
        for begin, end in pairwise(corpus.start.tolist()):
            pitch, onset = corpus.pitch[begin:end], corpus.onset[begin:end]
            lines.append(skyline(onset, pitch))
            contents.append((pitch.tobytes(), onset.tobytes()))
    return compositions(lines, [contents])
