"""The backends that tests of the folded layers run on."""

import pytest

from models.folded.native.backend import load
from models.folded.request import VARIABLE


@pytest.fixture(params=["reference", "native"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test on each backend that is available here."""
    name: str = request.param
    if name == "native" and isinstance(reason := load(), str):
        pytest.skip(f"no native backend: {reason}")
    monkeypatch.setenv(VARIABLE, name)
    return name
