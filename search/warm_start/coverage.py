"""Choose points that cover what several searches found: their best points, then those farthest from them."""

import math
from collections.abc import Mapping, Sequence

from models.spec import Value
from search.spec.domains import Domain, Range
from search.spec.space import Space

_CLOSE = 1e-5
"""Relative difference up to which numbers are equal, as for Optuna, which does not queue a point twice."""


def cover(
    sources: Sequence[Sequence[Mapping[str, Value]]],
    known: Sequence[Mapping[str, Value]],
    count: int,
    space: Space,
) -> list[tuple[int, int]]:
    """Choose points: the best of each source, then again and again the one that is farthest from those chosen so far.

    Args:
        sources: The points of each source, the best first.
        known: Points that are tried anyway. They are not chosen, and neither is an equal or an empty point.
        count: The maximum number of points.
        space: The space of the points.

    Returns:
        The chosen points by the index of their source and their index in it, in the order of choice. Of points that
        are equally far, the first one is chosen.
    """
    gaps = {(index, rank): math.inf for index, points in enumerate(sources) for rank in range(len(points))}
    for place in [*gaps]:
        point = sources[place[0]][place[1]]
        if not point or any(same(point, other) for other in known):
            del gaps[place]
    chosen: list[tuple[int, int]] = []
    best = [(index, 0) for index in range(len(sources))]
    while gaps and len(chosen) < count:
        first = next((place for place in best if place in gaps), None)
        place = first or max(gaps, key=gaps.__getitem__)
        chosen.append(place)
        taken = sources[place[0]][place[1]]
        for other in [*gaps]:
            point = sources[other[0]][other[1]]
            gaps[other] = min(gaps[other], distance(point, taken, space))
            if same(point, taken):
                del gaps[other]
    return chosen


def distance(one: Mapping[str, Value], other: Mapping[str, Value], space: Space) -> float:
    """Return the distance of two points (Gower 1971, "A general coefficient of similarity and some of its properties").

    It is the mean over the searched settings that both points have of the difference of numbers relative to their
    range, on the scale of the range, or of 0 for equal and 1 for different categories.

    Args:
        one: A point of the space.
        other: Another one.
        space: The space.

    Returns:
        The distance, 0..1; 1 for points without a common setting.
    """
    shared = [name for name in space.searched if name in one and name in other]
    differences = [_difference(space.domains[name], one[name], other[name]) for name in shared]
    return sum(differences) / len(shared) if shared else 1.0


def same(one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    """Return whether two points are equal, up to the rounding of numbers."""
    return one.keys() == other.keys() and all(_equal(value, other[name]) for name, value in one.items())


def _difference(domain: Domain, one: Value, other: Value) -> float:
    if not isinstance(domain, Range):
        return float(one != other)
    return abs(domain.place(float(one)) - domain.place(float(other)))


def _equal(one: Value, other: Value) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(one, other, rel_tol=_CLOSE)
