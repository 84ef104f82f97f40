"""The environment of test programs that run in another process."""

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """Return the environment in which a program finds the project and the files of these tests."""
    return {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(__file__).parent}"}
