"""The documentation must build as a site without a warning, and the site must work from a folder, without a network."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import MISSING, Browser, wait_until

ROOT = Path(__file__).parents[2]
SOURCES = ("mkdocs.yml", "docs", "deploy/README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")
LOADED = re.compile(r"<(?:script|img|iframe|source)[^>]*?\ssrc=\"?([^\"\s>]+)|<link[^>]*?\shref=\"?([^\"\s>]+)")
"""What a page loads by itself; links that a reader follows may lead anywhere."""

pytestmark = pytest.mark.slow


def build(sources: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site; with --quiet, mkdocs would not count warnings."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=sources, env=environment, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    result = build(ROOT, folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name in SOURCES:
        copied = tmp_path / name
        copied.parent.mkdir(exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile)(ROOT / name, copied)
    return tmp_path


def test_nothing_is_loaded_from_the_network(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    loaded = {
        address for page in pages for pair in LOADED.findall(page.read_text(encoding="utf-8")) for address in pair
    }
    assert any(address.endswith("iframe-worker.js") for address in loaded)
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []


def test_files_outside_the_folder_of_the_documents_are_pages(site: Path) -> None:
    contributing = (site / "CONTRIBUTING.html").read_text(encoding="utf-8")
    assert 'href="benchmarks.html"' in contributing
    assert 'href="LICENSE.txt"' in contributing
    assert "Apache License" in (site / "LICENSE.txt").read_text(encoding="utf-8")
    assert 'href="deploy.html"' in (site / "cluster.html").read_text(encoding="utf-8")


def test_code_in_tables_has_no_backslashes(site: Path) -> None:
    assert "<code>--corpus NAME|DIR</code>" in (site / "commands.html").read_text(encoding="utf-8")


def test_broken_links_and_pages_without_a_place_in_the_navigation_are_refused(sources: Path) -> None:
    page = sources / "docs" / "lost.md"
    page.write_text("[file](missing.md), [anchor](search.md#missing), [outside](../missing.md)\n")
    result = build(sources, sources / "site")
    assert result.returncode != 0
    for words in ('not included in the "nav"', "'missing.md'", "'search.md#missing'", "'../missing.md'"):
        assert words in result.stderr


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
def test_search_works_from_a_folder(site: Path) -> None:
    with Browser(1280) as browser:
        browser.open((site / "index.html").as_uri())
        wait_until(lambda: browser.run("return document.querySelector('.md-search__input') !== null"), "a search box")
        browser.click(".md-search__input")
        for letter in "rollback":
            browser.press(letter)
        browser.wait_for("tunesmith rollback")
