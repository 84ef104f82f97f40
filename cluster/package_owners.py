"""The distributions that own our top-level packages, since others also install a ``models`` or ``cluster``."""

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distribution, packages_distributions
from pathlib import Path


@dataclass(frozen=True)
class Clash:
    """A package of ours that another distribution has too, or that is missing.

    Attributes:
        package: Name of the package.
        owner: The other distribution; empty if the package is missing.
        folder: Folder of the other distribution's package.
        mixed: Whether Python imports that folder, which may also contain our files.
    """

    package: str
    owner: str
    folder: str
    mixed: bool


def clashes(packages: Iterable[str]) -> tuple[Clash, ...]:
    """Return the packages that are missing on this machine, or that other distributions have too."""
    owners = packages_distributions()
    clashing: list[Clash] = []
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            clashing.append(Clash(package, "", "", mixed=True))
            continue
        imported = Path(spec.origin).parent.resolve()
        for owner in sorted({*owners.get(package, ())} - {"tunesmith"}):
            folder = Path(str(distribution(owner).locate_file(package))).resolve()
            clashing.append(Clash(package, owner, str(folder), mixed=folder == imported))
    return tuple(clashing)
