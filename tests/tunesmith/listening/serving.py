"""A running ``tunesmith listen serve``."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.served import Served
from tests.served import served as running


@contextmanager
def served(folder: Path) -> Generator[Served]:
    """Serve a test."""
    with running(["listen", "serve", str(folder)], folder) as server:
        yield server
