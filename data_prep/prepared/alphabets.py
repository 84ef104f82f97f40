"""Renumber the pieces of one corpus by the alphabets of another, so that a trained model's numbers keep their meaning.

An alphabet is a set of values that a corpus numbers: durations, bar positions, spelled names and metres, or styles.
Values that a model knows keep the model's numbers, and new values follow.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from data_prep.melodies.arrays import Melodies
from data_prep.melodies.assembly import check_sizes
from data_prep.performances.arrays import Performances

_NUMBERED: Mapping[type[Any], Mapping[str, tuple[str, ...]]] = {
    Melodies: {
        "durations": ("duration",),
        "positions": ("position", "pickup"),
        "spellings": ("spelling",),
        "metres": ("metre",),
    },
    Performances: {"styles": ("style",)},
}
"""The alphabets of each kind of data, and the arrays that contain numbers of each alphabet."""

Alphabets = Mapping[str, tuple[Any, ...]]
"""The members of each alphabet in the order of their numbers, by attribute name in Melodies or Performances."""


def alphabets(data: Any) -> Alphabets:
    """Return the alphabets of Melodies or Performances."""
    return {name: getattr(data, name) for name in _NUMBERED[type(data)]}


def under(data: Any, known: Alphabets) -> Any:
    """Renumber pieces by known alphabets, each extended by the members that it lacks.

    Args:
        data: Melodies or Performances.
        known: Some or all alphabets of that kind of data; the others stay unchanged.

    Returns:
        The same pieces. Each alphabet begins with the known members, followed by the data's other members in their
        original order.

    Raises:
        BadInputError: If an alphabet has more members than can be numbered.
    """
    changes: dict[str, Any] = {}
    for name, members in known.items():
        own = getattr(data, name)
        number = {member: index for index, member in enumerate(members)}
        for member in own:
            number.setdefault(member, len(number))
        new = np.array([number[member] for member in own], np.int64)
        changes[name] = tuple(number)
        for array in _NUMBERED[type(data)][name]:
            numbers = getattr(data, array)
            changes[array] = new[numbers].astype(numbers.dtype) if len(new) else numbers
            changes[array].setflags(write=False)
    check_sizes(**{name: changes[name] for name in known})
    return replace(data, **changes)


def joined(learnt: Any, data: Any) -> tuple[Any, Any]:
    """Renumber two corpora by common alphabets.

    Args:
        learnt: Melodies or Performances, whose members keep their numbers.
        data: Other pieces of the same kind.

    Returns:
        Both corpora.

    Raises:
        BadInputError: If an alphabet has more members than can be numbered.
    """
    extended = under(data, alphabets(learnt))
    return under(learnt, alphabets(extended)), extended
