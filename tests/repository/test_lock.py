"""requirements.lock must pin all dependencies of pyproject.toml."""

import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]


def pins() -> dict[str, list[str]]:
    """Return the pinned versions by name; there may be one for each range of Python versions."""
    versions: dict[str, list[str]] = {}
    for line in LINES:
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        versions.setdefault(canonicalize_name(requirement.name), []).append(specifier.version)
    return versions


def test_every_line_is_one_exact_pin() -> None:
    pin = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==[0-9][0-9a-z.]*( ; .+)?")
    assert [line for line in LINES if not pin.fullmatch(line)] == []


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    dependencies = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    pinned = pins()
    for requirement in map(Requirement, dependencies):
        versions = pinned[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_cuda_packages_are_left_to_torch() -> None:
    assert pins()["torch"] == ["2.13.0"]
    assert [line for line in LINES if line.startswith(("nvidia", "cuda"))] == []
    assert pins()["triton"] == [
        "3.7.1"
    ]  # another version than that of torch's CUDA build could not be installed with it
