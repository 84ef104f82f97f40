"""Whom our top-level packages belong to: other distributions install a ``models`` or a ``cluster`` too."""

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

_OURS = "tunesmith"


@dataclass(frozen=True)
class Clash:
    """A package that others have too, or that is not there.

    Attributes:
        package: Its name.
        owner: The distribution that has it too; empty where it is missing.
        folder: Where that one lies.
        mixed: Whether what is imported is that one, or both in one folder.
    """

    package: str
    owner: str
    folder: str
    mixed: bool


def clashes(packages: Iterable[str]) -> tuple[Clash, ...]:
    """Find the packages that are not tunesmith's alone where this is called."""
    owners = packages_distributions()
    found: list[Clash] = []
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            found.append(Clash(package, "", "", mixed=True))
            continue
        imported = Path(spec.origin).parent.resolve()
        for owner in sorted({name for name in owners.get(package, ()) if name != _OURS}):
            theirs = Path(str(distribution(owner).locate_file(package))).resolve()
            found.append(Clash(package, owner, str(theirs), mixed=theirs == imported))
    return tuple(found)
