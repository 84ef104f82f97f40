"""What a piece's own past says of its next event: the longest run of latest events that was played before.

For position t of a piece, every earlier position s < t whose preceding events agree with those before t is a
precedent; the precedents with the longest agreement vote for the event that followed them. The empty run agrees
everywhere, so from the second event on there are always precedents. (On O'Neill's tunes the vote of all precedents
predicts better than the latest one alone: .065 nats a note in the copying trigram.)
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Precedents:
    """The longest repetition before each event.

    Attributes:
        length: [N] how many of the events just before it the precedents share; -1 for a piece's first event, which has
            no precedent.
        share: [N] the share of those precedents that were followed by this very event; 0 for a first event.
    """

    length: NDArray[np.int64]
    share: NDArray[np.float64]


def find_precedents(events: NDArray[np.int64], start: NDArray[np.int64]) -> Precedents:
    """Find the longest repetitions inside every piece, in time and memory n**2 and n for a piece of n events.

    Args:
        events: [N] event ids, pieces one after another.
        start: [P + 1] offsets of the pieces.

    Returns:
        The precedents of every event.
    """
    length = np.full(len(events), -1)
    share = np.zeros(len(events))
    for first, end in pairwise(start.tolist()):
        piece = events[first:end]
        agreement = np.zeros(len(piece), np.int64)  # [s] how many events before s agree with those before t
        for t in range(1, len(piece)):
            agreement[1:t] = np.where(piece[: t - 1] == piece[t - 1], agreement[: t - 1] + 1, 0)
            longest = agreement[:t].max()
            followers = piece[:t][agreement[:t] == longest]
            length[first + t] = longest
            share[first + t] = np.count_nonzero(followers == piece[t]) / len(followers)
    return Precedents(length, share)
