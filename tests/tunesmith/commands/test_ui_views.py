"""The views of a search's runs that ``tunesmith ui`` leads to, in a real browser."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator

import pytest

from tests.browser import MISSING, Browser, wait_until
from tests.ray_cluster import free_port
from tests.tunesmith.conftest import Place
from tunesmith.cli import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("searched")]
PLACED = """
    const at = side => (a, b) => a.getBoundingClientRect()[side] - b.getBoundingClientRect()[side];
    const found = (css, side) => [...document.querySelectorAll(css)].sort(at(side));
"""
"""Elements in the order in which they are seen: the grid places them, in any order in the document."""

HEADERS = PLACED + "return found('[role=columnheader][col-id]', 'left').map(each => each.getAttribute('col-id'))"
RUNS = PLACED + "return found('[role=row] a', 'top').map(each => each.innerText)"
CARDS = "return [...document.querySelectorAll('[data-testid=experiment-view-compare-runs-card]')].map(e => e.innerText)"


@pytest.fixture(scope="module")
def page(searched: Place) -> Generator[str]:
    """The address that ``tunesmith ui tiny`` prints."""
    command = [sys.executable, "-m", "tunesmith", "ui", "tiny", "--home", "runs", "--port", str(free_port())]
    environment = {**searched.environment(), "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    with subprocess.Popen(
        command, cwd=searched.folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        name, address = process.stderr.readline().split()
        assert name == "composer"
        assert re.search(
            r"/#/experiments/\d+/runs\?workflowType=machine_learning&viewStateShareKey=tunesmith-", address
        )
        yield address
        process.terminate()


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
def test_the_page_has_the_columns_the_order_and_the_charts_of_the_search(page: str, searched: Place) -> None:
    listed = searched.run("trials", "tiny", "--json", "--home", "runs")
    best = sorted(json.loads(listed.stdout), key=lambda row: row["nats_per_note"])
    with Browser(2400, 1500) as browser:
        browser.open(page)
        wait_until(lambda: "tags.`state`" in browser.run(HEADERS), "the view's columns are shown", 60)
        columns = [column for column in browser.run(HEADERS) if "`" in column]
        assert columns[:6] == [
            "attributes.`Run Name`",
            "metrics.`nats_per_note`",
            "metrics.`nats_per_note_se`",
            "tags.`state`",
            "tags.`epochs`",
            "params.`cell`",
        ]
        assert "params.`size`" not in columns, "it does not vary"
        runs = browser.run(RUNS)
        assert [name for name in runs if "/" in name] == [f"tiny/{row['number']}" for row in best]
        browser.open("about:blank")
        browser.open(page.replace("?", "?compareRunsMode=CHART&"))
        wait_until(lambda: len(browser.run(CARDS)) > 3, "charts are shown", 60)
        titles = [text.split("\n")[0] for text in browser.run(CARDS)]
        assert titles[:2] == ["nats_per_note", "Parallel Coordinates"]
        assert "/fold" not in "".join(titles[:6])


def test_the_address_of_an_unknown_search_is_an_error(searched: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ui", "no-such", "--home", str(searched.folder / "runs")]) == 2
    assert "no-such" in capsys.readouterr().err
