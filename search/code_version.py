"""The version of the code that runs a search."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def code_version() -> str:
    """Return the installed version, with the commit if the code runs from a checkout ("0.1.0+g1a2b3c4")."""
    try:
        number = version("tunesmith")
    except PackageNotFoundError:
        number = "0"
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return number
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=8", "--exclude=*"]
    try:
        described = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603  (fixed)
    except (OSError, subprocess.SubprocessError):
        return number
    return f"{number}+g{described.stdout.strip()}"
