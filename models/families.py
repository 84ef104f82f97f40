"""The families that can be searched. Reading this imports no torch: a family imports it when a trial starts."""

from collections.abc import Container
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from data_prep.errors import BadInputError, unknown
from models.family import Family

T = TypeVar("T")

_REFERENCES = (
    "models.composer.family:Composer",
    "models.stylenet.family:StyleNet",
)
"""Where each family's class is: the one line that adds a family."""

FAMILIES: dict[str, Family[Any, Any]] = {}
"""Every family by name; the first is the default."""


def register(reference: str) -> None:
    """Add a family.

    Args:
        reference: Where its class is, as "package.module:Class"; it is called without arguments.
    """
    module, _, name = reference.partition(":")
    made: Family[Any, Any] = getattr(import_module(module), name)()
    FAMILIES[made.name] = made


for _reference in _REFERENCES:
    register(_reference)


def reference_of(name: str) -> str:
    """Return what :func:`register` takes to add a family in another process."""
    kind = type(family(name))
    return f"{kind.__module__}:{kind.__qualname__}"


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


def default_family() -> Family[Any, Any]:
    """Return the family that is meant where none is named."""
    return next(iter(FAMILIES.values()))


def offering(protocol: type[T]) -> dict[str, T]:
    """Return the families that have the methods of a protocol of ``models.uses.offers``, by name."""
    return {name: each for name, each in FAMILIES.items() if isinstance(each, protocol)}


def family_of(trained: Path, among: Container[str] = FAMILIES) -> Family[Any, Any]:
    """Find the family of a trained model.

    Args:
        trained: The model's file.
        among: The names of the families that are wanted.

    Returns:
        The family.

    Raises:
        BadInputError: If there is no such file, it is no trained model, or its family is not among those.
    """
    from models.training.checkpoint import load_model

    name = load_model(trained).extra["family"]
    if name not in FAMILIES:
        raise unknown("family", name, FAMILIES, f"{trained}")
    if name not in among:
        wanted = " or ".join(each for each in FAMILIES if each in among)
        raise BadInputError(f"this takes a trained {wanted}", f"{trained} is a {name}")
    return FAMILIES[name]
