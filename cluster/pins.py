"""What a node has to install: the packages that tunesmith needs, in the versions that are installed here."""

import platform
import re
from importlib.metadata import PackageNotFoundError, distribution

_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_PROJECT = "tunesmith"


def python_version() -> str:
    """Return Python's version; Ray requires the same on every node, patch version included."""
    return platform.python_version()


def public_version(package: str) -> str:
    """Return a distribution's version without its local part ("+cpu"): a node installs the build that fits it."""
    return distribution(package).version.partition("+")[0]


def pins() -> list[str]:
    """Return all packages that tunesmith needs, directly or not, as sorted lines "torch==2.13.0", without itself.

    Packages that are not installed here, because they are for other platforms, are left out.
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
    """Parse a requirement: the package by itself and with each of its extras, if it applies to ``extra``."""
    requirement, _, condition = line.partition(";")
    only_for = _EXTRA.search(condition)
    if only_for and only_for[1] != extra:
        return []
    match = _REQUIREMENT.match(requirement.strip())
    assert match, line
    package = re.sub(r"[-_.]+", "-", match[1]).lower()
    extras = [name.strip() for name in (match[2] or "").split(",") if name.strip()]
    return [(package, ""), *((package, name) for name in extras)]
