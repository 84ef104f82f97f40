from collections.abc import Callable
from pathlib import Path

import pytest

from data_prep.readers.notes import Reading
from data_prep.readers.scores import read


@pytest.fixture
def reading(tmp_path: Path) -> Callable[[str], Reading]:
    """Return a function that reads the text of a score."""

    def make(text: str) -> Reading:
        path = tmp_path / "score.musicxml"
        path.write_text(text)
        return read(path)

    return make
