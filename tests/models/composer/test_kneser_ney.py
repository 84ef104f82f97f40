"""Kneser-Ney compared with the textbook's definition on lists of n-grams."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.composer.kneser_ney import KneserNey, fit, grams_of

NUM_EVENTS = 5
LOWEST = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
BEGIN = NUM_EVENTS
PIECES = st.lists(st.lists(st.integers(0, NUM_EVENTS - 1), min_size=1, max_size=15), min_size=1, max_size=8)
PASTS = [(), (0,), (3, 1), (2, 2, 2), (4, 0)]
Gram = tuple[int, ...]


def learn(pieces: list[list[int]], order: int) -> KneserNey:
    start = np.cumsum([0, *map(len, pieces)])
    return fit(grams_of(np.concatenate(pieces).astype(np.int64), start, NUM_EVENTS, order), LOWEST)


def chances(model: KneserNey, past: Gram) -> list[float]:
    """Return the probability of each event after a past at the beginning of a piece."""
    order = len(model.levels)
    actual: list[float] = []
    for event in range(NUM_EVENTS):
        piece = np.array([*past, event], np.int64)
        actual.append(float(model.probability(grams_of(piece, np.array([0, len(piece)]), NUM_EVENTS, order))[-1]))
    return actual


class Textbook:
    """Chen & Goodman's recursion, n-gram by n-gram."""

    def __init__(self, pieces: list[list[int]], order: int) -> None:
        padded = [(BEGIN, *piece) for piece in pieces]
        self.raw = [
            Counter(p[i : i + n] for p in padded for i in range(len(p) - n + 1) if p[i + n - 1] != BEGIN)
            for n in range(1, order + 2)
        ]
        self.counts = [self.adjusted(n, order) for n in range(1, order + 1)]

    def adjusted(self, n: int, order: int) -> Counter[Gram]:
        if n == order:
            return self.raw[n - 1]
        return Counter(
            {
                gram: count if gram[0] == BEGIN else len({longer[0] for longer in self.raw[n] if longer[1:] == gram})
                for gram, count in self.raw[n - 1].items()
            }
        )

    def discount(self, n: int, count: int) -> float:
        of = Counter(self.counts[n - 1].values())
        if not (of[1] and of[2]):
            return 0.5
        y = of[1] / (of[1] + 2 * of[2])
        if of[3] and of[4]:
            three = [1 - 2 * y * of[2] / of[1], 2 - 3 * y * of[3] / of[2], 3 - 4 * y * of[4] / of[3]]
            if min(three) > 0:
                return three[min(count, 3) - 1]
        return y

    def p(self, event: int, context: Gram) -> float:
        n = len(context) + 1
        followers = {gram[-1]: count for gram, count in self.counts[n - 1].items() if gram[:-1] == context}
        lower = self.p(event, context[1:]) if context else float(LOWEST[event])
        if not followers:
            return lower
        total = sum(followers.values())
        rest = sum(self.discount(n, count) for count in followers.values())
        own = followers[event] - self.discount(n, followers[event]) if event in followers else 0
        return (own + rest * lower) / total


@pytest.mark.parametrize("order", [1, 2, 3])
@given(pieces=PIECES)
def test_probabilities_equal_the_textbooks(order: int, pieces: list[list[int]]) -> None:
    model, textbook = learn(pieces, order), Textbook(pieces, order)
    for past in PASTS:
        context = (BEGIN, *past)[-(order - 1) :] if order > 1 else ()
        expected = [textbook.p(event, context) for event in range(NUM_EVENTS)]
        assert chances(model, past) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
@given(pieces=PIECES)
def test_every_context_has_a_proper_positive_distribution(order: int, pieces: list[list[int]]) -> None:
    model = learn(pieces, order)
    for past in PASTS:
        actual = chances(model, past)
        assert min(actual) > 0
        assert sum(actual) == pytest.approx(1, abs=1e-12)


def test_a_bigram_by_hand() -> None:
    """One piece 0 1 0 2: bigrams B0 01 10 02 once each, so d = 1/2 (no count of 2).

    Events 1 and 2 follow one symbol each and 0 follows two (B and 1): d of counts 1, 1, 2 is 2 / (2 + 2) = 1/2.
    p(1 | 0) = (1 - .5) / 2 + (2 * .5 / 2) * p(1) with p(1) = (1 - .5) / 4 + (3 * .5 / 4) * .2.
    """
    actual = chances(learn([[0, 1, 0, 2]], 2), (0,))
    assert actual[1] == pytest.approx(0.25 + 0.5 * (0.125 + 0.375 * 0.2))


def test_modified_discounts_are_used_if_counts_allow() -> None:
    """Counts 1 2 3 4 2: n1 = 1, n2 = 2, n3 = 1, n4 = 1, so Y = 1/5 and d = 1 - 4/5, 2 - 3/10, 3 - 4/5."""
    pieces = [[event] * count for event, count in enumerate([1, 2, 3, 4, 1])]
    model = learn([*pieces, [4]], 1)
    rest = (0.2 + 1.7 + 2.2 + 2.2 + 1.7) / 12
    expected = [(count - d) / 12 for count, d in [(1, 0.2), (2, 1.7), (3, 2.2), (4, 2.2), (2, 1.7)]]
    assert chances(model, ()) == pytest.approx([own + rest * p for own, p in zip(expected, LOWEST, strict=True)])
