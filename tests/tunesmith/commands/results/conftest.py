"""The folder of a finished search, for the commands that show its results."""

import pytest

from tests.tunesmith.conftest import Place


@pytest.fixture(autouse=True)
def place(searched: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The folder of the search named "tiny", as the current folder."""
    monkeypatch.chdir(searched.folder)
    for name in ("TUNESMITH_CACHE", "COLUMNS"):
        monkeypatch.setenv(name, searched.environment()[name])
    return searched
