"""Settings as points: ranges on [0, 1], each value of a list on an axis of its own; distances of points are Gower's."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.spec import Value
from search.spec.domains import Categorical, Range
from search.spec.space import Space


def coordinates(space: Space, values: Mapping[str, Value]) -> NDArray[np.float64]:
    """Return the point of a setting.

    Symbols: D axes, one per searched range and one per value of a searched list.

    Args:
        space: The space.
        values: The values that matter; the others count at their defaults, so that equal models are equal points.

    Returns:
        [D] the point. The sum of absolute differences of two points is Gower's distance times the searched settings.
    """
    point: list[float] = []
    for name in space.searched:
        domain, value = space.domains[name], values.get(name, space.default(name))
        if isinstance(domain, Range):
            assert not isinstance(value, str)
            point.append(domain.place(min(max(float(value), domain.low), domain.high)))
        elif isinstance(domain, Categorical):
            point += [0.5 * (value == each) for each in domain.values]
    return np.array(point)
