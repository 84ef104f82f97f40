"""requirements.lock pins everything that pyproject.toml asks for."""

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
    """Give the pinned versions by name; a name may have one for each range of Python versions."""
    found: dict[str, list[str]] = {}
    for line in LINES:
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        found.setdefault(canonicalize_name(requirement.name), []).append(specifier.version)
    return found


def test_every_line_is_one_exact_pin() -> None:
    pin = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==[0-9][0-9a-z.]*( ; .+)?")
    assert [line for line in LINES if not pin.fullmatch(line)] == []


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    pinned = pins()
    for requirement in map(Requirement, wanted):
        versions = pinned[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_torch_brings_its_own_cuda_packages() -> None:
    assert pins()["torch"] == ["2.13.0"]
    assert [line for line in LINES if line.startswith(("nvidia", "cuda", "triton"))] == []
