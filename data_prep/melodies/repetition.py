"""Predict the next event of a piece from earlier events of the piece, by the longest match of the latest events.

For position t of a piece, every earlier position s < t whose preceding events agree with those before t is a
precedent; the precedents with the longest agreement vote for the event that followed them. The empty run agrees
everywhere, so from the second event on there are always precedents. (On O'Neill's tunes, all precedents together
predict better than the latest one alone: by .065 nats per note in the copying trigram.)

Symbols: N events of all pieces together, P pieces.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST = 64
"""Greatest length of a match in events. A longer match predicts no better, and the limit bounds the cost of a piece
that repeats one event thousands of times."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Precedents:
    """The precedents with the longest match before each event.

    Attributes:
        length: [N] number of latest events that the precedents share, at most LONGEST; -1 for the first event of a
            piece, which has no precedent.
        votes: [N] number of precedents.
        top: [N] number of precedents followed by the event that follows most of them.
        hits: [N] number of precedents followed by the actual event.
    """

    length: Ints
    votes: Ints
    top: Ints
    hits: Ints

    @property
    def share(self) -> NDArray[np.float64]:
        """[N] share of the precedents that are followed by the actual event; 0 for a first event."""
        return self.hits / np.maximum(self.votes, 1)


def find_precedents(events: Ints, start: Ints) -> Precedents:
    """Find the precedents of all events within their pieces.

    Contexts grow by one event per round, for all pieces at once, as long as two positions of a piece share a context.
    There are at most LONGEST rounds, each of time N log N.

    Args:
        events: [N] event ids, piece by piece.
        start: [P + 1] offsets of the pieces.

    Returns:
        The precedents of every event.
    """
    piece = np.repeat(np.arange(len(start) - 1), np.diff(start))
    precedents = Precedents(np.full(len(events), -1), *np.zeros((3, len(events)), np.int64))
    _, code = np.unique(events, return_inverse=True)
    row, context = np.arange(len(events)), piece
    for length in range(LONGEST + 1):
        votes, top, hits = _tally(context, code[row])
        has_votes = votes > 0
        voted = row[has_votes]
        precedents.length[voted] = length
        precedents.votes[voted] = votes[has_votes]
        precedents.top[voted] = top[has_votes]
        precedents.hits[voted] = hits[has_votes]
        longer = (np.bincount(context)[context] > 1) & (row - length > start[piece[row]])
        row, context = row[longer], context[longer]
        if not len(row):
            break
        _, context = np.unique(context * len(events) + code[row - length - 1], return_inverse=True)
    return precedents


def _tally(context: Ints, follower: Ints) -> tuple[Ints, Ints, Ints]:
    """Count the earlier positions of each position's context, those with the most common follower, and with its own."""
    votes = _num_before(context)
    _, kind = np.unique(context * (int(follower.max(initial=0)) + 1) + follower, return_inverse=True)
    hits = _num_before(kind)
    order = np.argsort(context, kind="stable")
    # Counts only grow, so the count of the most common follower so far is the running maximum of all counts.
    base = context[order] * (len(context) + 1)
    most = np.maximum.accumulate(base + hits[order] + 1) - base
    top = np.empty_like(votes)
    top[order] = np.where(votes[order] > 0, np.append(0, most[:-1]), 0)
    return votes, top, hits


def _num_before(group: Ints) -> Ints:
    """Return [n] the number of earlier positions in each position's group."""
    order = np.argsort(group, kind="stable")
    size = np.bincount(group)
    number = np.empty_like(group)
    number[order] = np.arange(len(group)) - np.repeat(np.cumsum(size) - size, size)
    return number
