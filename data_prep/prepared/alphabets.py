"""Pieces of one corpus under the alphabets of another, so that a trained model's numbers mean the same in both.

An alphabet is what a corpus numbers: its durations, bar positions, spelled names and metres, or its styles. Under a
model's alphabets everything that the model knows keeps the model's number, and new members follow.
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
"""Of each kind of data its alphabets, and the arrays that hold numbers of each."""

Alphabets = Mapping[str, tuple[Any, ...]]
"""The members of each alphabet in the order of their numbers, by its name in Melodies or Performances."""


def alphabets(data: Any) -> Alphabets:
    """Return the alphabets of Melodies or Performances."""
    return {name: getattr(data, name) for name in _NUMBERED[type(data)]}


def under(data: Any, known: Alphabets) -> Any:
    """Number pieces by known alphabets, each extended by what it lacks.

    Args:
        data: Melodies or Performances.
        known: Some or all alphabets of that kind of data; one that is not given stays as it is.

    Returns:
        The same pieces. Alphabets begin with the known members; those that follow are the data's own others, in the
        order that they had.

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
    """Put two corpora under common alphabets.

    Args:
        learnt: Melodies or Performances, whose members keep their numbers.
        data: Others of the same kind.

    Returns:
        Both.

    Raises:
        BadInputError: As for ``under``.
    """
    extended = under(data, alphabets(learnt))
    return under(learnt, alphabets(extended)), extended
