"""Find the pieces of a corpus that a model has seen: those related to a piece of its training data.

Related pieces are those that a search keeps in one fold (``melodies.kinship``): melodies that share a long run of
intervals, or performances of one composition. Pieces with the same notes are related too, however short they are.
"""

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
        learnt: The training data, Melodies or Performances.
        data: P other pieces of the same kind.

    Returns:
        [P] whether each piece of ``data`` is related to a piece of ``learnt``.
    """
    assert isinstance(data, Melodies | Performances)
    lines: list[NDArray[np.int16]] = []
    contents: list[tuple[bytes, bytes]] = []
    for corpus in joined(learnt, data):
        time: NDArray[Any] = corpus.duration if isinstance(corpus, Melodies) else corpus.onset
        for begin, end in pairwise(corpus.start.tolist()):
            pitch, times = corpus.pitch[begin:end], time[begin:end]
            lines.append(pitch[pitch != REST] if isinstance(data, Melodies) else skyline(times, pitch))
            contents.append((pitch.tobytes(), times.tobytes()))
    group = (groups_of_lines if isinstance(data, Melodies) else compositions)(lines, [contents])
    return np.isin(group[learnt.num_pieces :], group[: learnt.num_pieces])
