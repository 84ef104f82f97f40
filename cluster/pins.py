"""What a node has to install: the packages that tunesmith needs, with the versions that are installed here."""

import platform
import re
from importlib.metadata import PackageNotFoundError, distribution

_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_PROJECT = "tunesmith"


def python_version() -> str:
    """Give Python's version; Ray wants the same on every node, to the last digit."""
    return platform.python_version()


def public_version(package: str) -> str:
    """Give a package's version as an index knows it.

    Args:
        package: The distribution's name.

    Returns:
        The version without what follows a plus, as in "2.13.0+cpu": a node takes the build that fits it.
    """
    return distribution(package).version.partition("+")[0]


def pins() -> list[str]:
    """Give all packages that tunesmith needs, and those that they need, as lines of a requirements file.

    What is not installed here, because it is for another platform, is left out.

    Returns:
        Lines as "torch==2.13.0", sorted; tunesmith itself is not among them.
    """
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(_PROJECT, "")]
    while waiting:
        package, extra = waiting.pop()
        if (package, extra) in seen:
            continue
        seen.add((package, extra))
        try:
            found = distribution(package)
        except PackageNotFoundError:
            continue
        versions[package] = public_version(package)
        for line in found.requires or []:
            waiting += _wanted(line, extra)
    versions.pop(_PROJECT, None)
    return [f"{package}=={version}" for package, version in sorted(versions.items())]


def _wanted(line: str, extra: str) -> list[tuple[str, str]]:
    """Read a requirement: the package by itself and with each of its extras, if it counts for ``extra``."""
    requirement, _, condition = line.partition(";")
    only_for = _EXTRA.search(condition)
    if only_for and only_for[1] != extra:
        return []
    match = _REQUIREMENT.match(requirement.strip())
    assert match, line
    package = re.sub(r"[-_.]+", "-", match[1]).lower()
    extras = [name.strip() for name in (match[2] or "").split(",") if name.strip()]
    return [(package, ""), *((package, name) for name in extras)]
