"""Which code a search ran with."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def code_version() -> str:
    """Give the installed version, and the commit where the code runs from a checkout ("0.1.0+g1a2b3c4")."""
    try:
        number = version("tunesmith")
    except PackageNotFoundError:
        number = "0"
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return number
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=8", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603  (fixed words)
    except (OSError, subprocess.SubprocessError):
        return number
    return f"{number}+g{found.stdout.strip()}"
