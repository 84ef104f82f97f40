"""Which distributions our top-level packages belong to: others install a ``models`` or a ``cluster`` too."""

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

_OURS = "tunesmith"


@dataclass(frozen=True)
class Clash:
    """A package that another distribution has too, or that is missing.

    Attributes:
        package: Its name.
        owner: The other distribution; empty where the package is missing.
        folder: The folder of the other one's package.
        mixed: Whether the other one is what is imported, alone or mixed with ours in one folder.
    """

    package: str
    owner: str
    folder: str
    mixed: bool


def clashes(packages: Iterable[str]) -> tuple[Clash, ...]:
    """Return the packages that do not belong to tunesmith alone on this machine."""
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
