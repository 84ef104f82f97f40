"""The packages that a node has to install, in the versions that are installed here."""

import re
from importlib.metadata import PackageNotFoundError, distribution

_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_PROJECT = "tunesmith"


def public_version(package: str) -> str:
    """Return a distribution's version without its local part ("+cpu"), so that a node installs the build it needs."""
    return distribution(package).version.partition("+")[0]


def pins() -> list[str]:
    """Return all direct and indirect dependencies of tunesmith, as sorted lines like "torch==2.13.0".

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
            requirements = distribution(package).requires or []
        except PackageNotFoundError:
            continue
        versions[package] = public_version(package)
        for line in requirements:
            waiting += _required(line, extra)
    versions.pop(_PROJECT, None)
    return [f"{package}=={version}" for package, version in sorted(versions.items())]


def _required(line: str, extra: str) -> list[tuple[str, str]]:
    """Parse a requirement into (package, extra) pairs; return none if it applies only to other extras."""
    requirement, _, condition = line.partition(";")
    only_for = _EXTRA.search(condition)
    if only_for and only_for[1] != extra:
        return []
    match = _REQUIREMENT.match(requirement.strip())
    assert match, line
    package = re.sub(r"[-_.]+", "-", match[1]).lower()
    extras = [name.strip() for name in (match[2] or "").split(",") if name.strip()]
    return [(package, ""), *((package, name) for name in extras)]
