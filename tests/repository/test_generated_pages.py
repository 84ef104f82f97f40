"""The generated pages must match the current code."""

import runpy
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def generated() -> dict[str, str]:
    sys.path.insert(0, str(DOCS))  # as where the script is run
    try:
        return runpy.run_path(str(DOCS / "generate.py"))["pages"]()
    finally:
        sys.path.remove(str(DOCS))


PAGES = generated()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_page_is_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name], "run `make docs`"
