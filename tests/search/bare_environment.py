"""An environment in which nothing is installed but what a registered model asks for, made offline out of this one."""

import os
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOREIGN = ("tunesmith", "cluster", "music21", "pretty_midi", "optuna", "ray")
"""Packages of this environment, some of ours among them, that a served model has no need of."""

OURS = ("data_prep", "models", "search")
"""Those of ours that it brings along itself."""


def needed(wanted: list[str]) -> dict[str, Distribution]:
    """Give the distributions that requirements come to, their own requirements included."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(line) for line in wanted]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # what this environment does without
        for line in found[name].requires or []:
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                waiting.append(inner)
    return found


def make_environment(folder: Path, wanted: list[str]) -> Path:
    """Make a virtual environment of requirements; nothing is downloaded, files are linked.

    Returns:
        Its Python.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (site_packages,) = (folder / "lib").glob("python*/site-packages")
    python = folder / "bin" / "python"
    for one in needed(wanted).values():
        for top in {path.parts[0] for path in one.files or [] if path.parts[0] not in {"..", "__pycache__"}}:
            place = site_packages / top
            if not place.exists():
                place.symlink_to(Path(str(one.locate_file(top))).absolute())
        for script in one.entry_points.select(group="console_scripts"):
            path = folder / "bin" / script.name
            lines = [f"#!{python}", "import sys", f"from {script.module} import {script.attr} as it", "sys.exit(it())"]
            path.write_text("\n".join(lines) + "\n")
            path.chmod(0o755)
    return python


def environment(python: Path) -> dict[str, str]:
    """Give the variables to run that Python with: nothing of this process's paths, its own programs first."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return {
        **kept,
        "PATH": f"{python.parent}{os.pathsep}{kept.get('PATH', '')}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
