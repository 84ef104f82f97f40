"""A virtual environment with only the requirements of a registered model, made offline from the current one."""

import os
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOREIGN = ("tunesmith", "cluster", "music21", "pretty_midi", "optuna", "ray")
"""Packages of the current environment that a served model does not need."""

OURS = ("data_prep", "models", "search")
"""Packages of this project whose code a served model contains."""


def needed(requirements: list[str]) -> dict[str, Distribution]:
    """Return the distributions that satisfy requirements, including their own requirements."""
    distributions: dict[str, Distribution] = {}
    waiting = [Requirement(line) for line in requirements]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            distributions[name] = distribution(name)
        except PackageNotFoundError:
            continue  # not needed here: the current environment does not have it either
        for line in distributions[name].requires or []:
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                waiting.append(inner)
    return distributions


def make_environment(folder: Path, requirements: list[str]) -> Path:
    """Create a virtual environment with requirements, by linking files; nothing is downloaded.

    Returns:
        The environment's Python.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (site_packages,) = (folder / "lib").glob("python*/site-packages")
    python = folder / "bin" / "python"
    for package in needed(requirements).values():
        for top in {path.parts[0] for path in package.files or [] if path.parts[0] not in {"..", "__pycache__"}}:
            place = site_packages / top
            if not place.exists():
                place.symlink_to(Path(str(package.locate_file(top))).absolute())
        for script in package.entry_points.select(group="console_scripts"):
            path = folder / "bin" / script.name
            lines = [f"#!{python}", "import sys", f"from {script.module} import {script.attr} as it", "sys.exit(it())"]
            path.write_text("\n".join(lines) + "\n")
            path.chmod(0o755)
    return python


def environment(python: Path) -> dict[str, str]:
    """Return environment variables for that Python: its programs first in PATH, no paths of this process."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return {
        **kept,
        "PATH": f"{python.parent}{os.pathsep}{kept.get('PATH', '')}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
