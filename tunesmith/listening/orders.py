"""Balanced orders for listeners: who hears which item when, and on which side.

Symbols: K passages, C versions that are compared with the human, M versions of a passage on one screen, R(n) rows of
the Williams design for n items, S sheets. A sheet is the order of one listener.

In a Williams design, each item is at each position equally often, and follows each other item equally often. It has n
rows for an even n, and 2n rows for an odd n.

Source: E. J. Williams, "Experimental designs balanced for the estimation of residual effects of treatments", Australian
Journal of Scientific Research A 2 (1949).
"""

from math import lcm
from typing import NamedTuple

import numpy as np


class Pair(NamedTuple):
    """A pair as one listener hears it."""

    passage: int
    version: int
    human_first: bool


class Screen(NamedTuple):
    """A passage with all its versions, in the order in which one listener sees them."""

    passage: int
    versions: tuple[int, ...]


def williams(count: int) -> list[list[int]]:
    """Return the rows of a Williams design.

    Args:
        count: Number of items n.

    Returns:
        The rows, each a permutation of 0..n-1.
    """
    first = [(step + 1) // 2 if step % 2 else (count - step // 2) % count for step in range(count)]
    rows = [[(item + shift) % count for item in first] for shift in range(count)]
    return rows if count % 2 == 0 else [*rows, *(row[::-1] for row in rows)]


def pair_sheets(num_passages: int, num_versions: int, random: np.random.Generator) -> list[list[Pair]]:
    """Return the sheets of a test with pairs.

    A listener hears each passage once, because who knows the human's version from one pair recognises it in the next.
    Over all R(K) * C * 2 sheets, each pair is at each position, and its human is on each side, equally often. Sheets 2i
    and 2i + 1 differ only in the sides. Within a sheet the human is first in half of the pairs.

    Args:
        num_passages: Number of passages K.
        num_versions: Number of versions C that are compared with the human.
        random: Source of randomness.

    Returns:
        [S][K] the pairs.
    """
    names: list[int] = random.permutation(num_passages).tolist()
    rows = williams(num_passages)
    rows = _shuffled(rows, random)
    sheets: list[list[Pair]] = []
    for cycle in range(num_versions):
        for number, row in enumerate(rows):
            is_first: list[bool] = random.permutation(np.arange(num_passages) % 2 == number % 2).tolist()
            for side in (False, True):
                pairs = zip(row, is_first, strict=True)
                sheets.append(
                    [Pair(names[item], (item + number + cycle) % num_versions, first ^ side) for item, first in pairs]
                )
    return sheets


def screen_sheets(num_passages: int, num_versions: int, random: np.random.Generator) -> list[list[Screen]]:
    """Return the sheets of a test with ratings.

    Over all lcm(R(K), R(M)) sheets, each passage is at each position, and each of its versions at each place of the
    screen, equally often.

    Args:
        num_passages: Number of passages K.
        num_versions: Number of versions M of a passage, all on one screen.
        random: Source of randomness.

    Returns:
        [S][K] the screens.
    """
    names: list[int] = random.permutation(num_passages).tolist()
    labels: list[int] = random.permutation(num_versions).tolist()
    orders, screens = williams(num_passages), williams(num_versions)
    orders = _shuffled(orders, random)
    shift: list[int] = random.permutation(num_passages).tolist()
    return [
        [
            Screen(names[item], tuple(labels[version] for version in screens[(sheet + shift[item]) % len(screens)]))
            for item in orders[sheet % len(orders)]
        ]
        for sheet in range(lcm(len(orders), len(screens)))
    ]


def _shuffled(rows: list[list[int]], random: np.random.Generator) -> list[list[int]]:
    order: list[int] = random.permutation(len(rows)).tolist()
    return [rows[row] for row in order]
