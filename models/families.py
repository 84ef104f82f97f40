"""The families that can be searched. Reading this imports no torch: a family imports it when a trial starts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from data_prep.errors import unknown
from models.composer.family import Composer
from models.family import Family
from models.stylenet.family import StyleNet

FAMILIES: Mapping[str, Family[Any, Any]] = MappingProxyType({"composer": Composer(), "stylenet": StyleNet()})
"""Every family by name."""


def family(name: str) -> Family[Any, Any]:
    """Find a family.

    Args:
        name: How the user asked for it.

    Returns:
        The family.

    Raises:
        BadInputError: If there is none of that name.
    """
    if name not in FAMILIES:
        raise unknown("family", name, FAMILIES)
    return FAMILIES[name]
