"""The families that can be searched. Importing this module imports no torch: a family does so when a trial starts."""

from collections.abc import Container
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, TypeVar

from data_prep.errors import BadInputError, unknown
from models.family import Family

T = TypeVar("T")

_REFERENCES = (
    "models.composer.family:Composer",
    "models.stylenet.family:StyleNet",
)
"""Each family's class; a line here adds a family."""

FAMILIES: dict[str, Family[Any, Any]] = {}
"""Every family by name; the first is the default."""


def register(reference: str) -> None:
    """Add a family.

    Args:
        reference: The family's class, as "package.module:Class"; it is called without arguments.
    """
    added: Family[Any, Any] = resolve_name(reference)()
    FAMILIES[added.name] = added


for _reference in _REFERENCES:
    register(_reference)


def reference_of(name: str) -> str:
    """Return the argument with which :func:`register` adds a family in another process."""
    family_type = type(family(name))
    return f"{family_type.__module__}:{family_type.__qualname__}"


def family(name: str) -> Family[Any, Any]:
    """Return a family.

    Args:
        name: The family's name.

    Returns:
        The family.

    Raises:
        BadInputError: If no family has that name.
    """
    if name not in FAMILIES:
        raise unknown("family", name, FAMILIES)
    return FAMILIES[name]


def default_family() -> Family[Any, Any]:
    """Return the default family."""
    return next(iter(FAMILIES.values()))


def offering(protocol: type[T]) -> dict[str, T]:
    """Return the families that implement a protocol of ``models.uses.offers``, by name."""
    return {name: candidate for name, candidate in FAMILIES.items() if isinstance(candidate, protocol)}


def family_of(trained: Path, among: Container[str] = FAMILIES) -> Family[Any, Any]:
    """Return the family of a trained model.

    Args:
        trained: The model's file.
        among: Names of the families that are allowed.

    Returns:
        The family.

    Raises:
        BadInputError: If the file does not exist or is not a trained model, or its family is not allowed.
    """
    from models.training.checkpoint import load_model

    name = load_model(trained).extra["family"]
    if name not in FAMILIES:
        raise unknown("family", name, FAMILIES, f"{trained}")
    if name not in among:
        allowed = " or ".join(known for known in FAMILIES if known in among)
        raise BadInputError(f"this takes a trained {allowed}", f"{trained} is a {name}")
    return FAMILIES[name]
