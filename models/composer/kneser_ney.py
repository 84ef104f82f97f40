"""Interpolated modified Kneser-Ney n-grams (Chen & Goodman 1999, section 4.1.6), vectorised over notes.

Symbols: N notes, E events, n the order, B = E the begin symbol before each piece's first event.

An n-gram w_1 .. w_n is the integer with digits w_1 .. w_n in base E + 1, so its context is ``gram // (E + 1)`` and its
shorter suffix ``gram % (E + 1) ** (n - 1)``. Let a(h w) be the count of h w at the highest order and, at lower orders,
the number of distinct symbols that precede h w (its count if h starts with B, which nothing precedes):

    p_n(w | h) = max(a(h w) - d(a(h w)), 0) / a(h .) + rest(h) p_(n-1)(w | h'),   rest(h) = sum_w d(a(h w)) / a(h .)

where h' is h without its first symbol. After an unseen context p_n is p_(n-1), and p_0 is positive on the entire grid,
so p_n needs no further floor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Grams: TypeAlias = Sequence[NDArray[np.int64]]
"""For each order 1, 2, ..: [N] the n-gram that ends in each note, -1 after too few notes of the piece."""


def grams_of(events: NDArray[np.int64], start: NDArray[np.int64], num_events: int, order: int) -> Grams:
    """Return the n-grams that end in each note, up to an order.

    Args:
        events: [N] event ids, piece after piece.
        start: [P + 1] offsets of the pieces.
        num_events: E.
        order: The highest order.

    Returns:
        The n-grams. A piece's first event has those of order 1 and 2 (with the begin symbol), its second up to 3.
    """
    place = np.arange(len(events)) - np.repeat(start[:-1], np.diff(start))
    grams = [events]
    for n in range(2, order + 1):
        back = n - 1
        symbol = np.where(place >= back, np.roll(events, back), num_events)
        grams.append(np.where(place >= back - 1, grams[-1] + symbol * (num_events + 1) ** back, -1))
    return grams


@dataclass(frozen=True)
class _Level:
    """One order: discounted probabilities of seen n-grams, and weights of the lower order. Arrays of ids are sorted."""

    grams: NDArray[np.int64]
    discounted: NDArray[np.float64]
    contexts: NDArray[np.int64]
    rest: NDArray[np.float64]
    base: int

    def interpolate(self, grams: NDArray[np.int64], lower: NDArray[np.float64]) -> NDArray[np.float64]:
        seen = _look_up(self.grams, self.discounted, grams, 0.0)
        return seen + _look_up(self.contexts, self.rest, grams // self.base, 1.0) * lower


@dataclass(frozen=True)
class KneserNey:
    """A fitted model.

    Attributes:
        levels: One level for each order, from 1.
        lowest: [E] p_0.
    """

    levels: tuple[_Level, ...]
    lowest: NDArray[np.float64]

    def probability(self, grams: Grams) -> NDArray[np.float64]:
        """Return each note's probability given its past.

        Args:
            grams: N-grams of the notes, at least up to the model's order.

        Returns:
            [N] probabilities, all positive; for every past they sum to 1 over the E events.
        """
        p = self.lowest[grams[0]]
        for level, gram in zip(self.levels, grams, strict=False):
            p = level.interpolate(gram, p)
        return p


def fit(grams: Grams, lowest: NDArray[np.float64]) -> KneserNey:
    """Fit a model of order len(grams).

    Args:
        grams: N-grams of the training notes.
        lowest: [E] p_0, positive, with sum 1.

    Returns:
        The model.
    """
    base = len(lowest) + 1
    levels: list[_Level] = []
    seen = grams[-1][grams[-1] >= 0]
    for n in range(len(grams), 0, -1):
        levels.insert(0, _level(seen, base))
        if n > 1:
            place_value = base ** (n - 1)  # of the first digit of an n-gram of order n
            at_begin = grams[n - 2][grams[n - 2] // (place_value // base) == len(lowest)]
            seen = np.concatenate([levels[0].grams % place_value, at_begin])
    return KneserNey(tuple(levels), lowest)


def _level(seen: NDArray[np.int64], base: int) -> _Level:
    grams, counts = np.unique(seen, return_counts=True)
    discount = _discounts(counts)[np.minimum(counts, 3)]
    contexts, inverse = np.unique(grams // base, return_inverse=True)
    totals = np.bincount(inverse, counts)
    return _Level(
        grams=grams,
        discounted=(counts - discount) / totals[inverse],
        contexts=contexts,
        rest=np.bincount(inverse, discount) / totals,
        base=base,
    )


def _discounts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the discounts [0, d(1), d(2), d(3+)] for counts of n-grams.

    They are the modified discounts if the counts allow it, else Kneser and Ney's discount n1 / (n1 + 2 n2), else 1/2.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == count)) for count in (1, 2, 3, 4))
    if n1 == 0 or n2 == 0:
        return np.array([0, 0.5, 0.5, 0.5])
    single = n1 / (n1 + 2 * n2)
    if n3 > 0 and n4 > 0:
        modified = np.array([0, 1 - 2 * single * n2 / n1, 2 - 3 * single * n3 / n2, 3 - 4 * single * n4 / n3])
        if (modified[1:] > 0).all():
            return modified
    return np.array([0, single, single, single])


def _look_up(
    known: NDArray[np.int64], values: NDArray[np.float64], ids: NDArray[np.int64], absent: float
) -> NDArray[np.float64]:
    if len(known) == 0:
        return np.full(len(ids), absent)
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[place] == ids, values[place], absent)
