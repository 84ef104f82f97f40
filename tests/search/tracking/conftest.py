"""The store of MLflow that the tests of tracking write."""

from pathlib import Path

import pytest


@pytest.fixture
def store(tracked_home: Path) -> Path:
    return tracked_home
