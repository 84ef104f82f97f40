"""Running in a folder with files that are named like our packages and libraries."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mlflow_tables import lay_tables
from tests.tunesmith.conftest import TINY

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("searched")]
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["the module", "the installed script"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The two ways to start the program."""
    if request.param == "the module":
        return [sys.executable, "-m", "tunesmith"]
    script = tmp_path / "bin" / "tunesmith"
    script.parent.mkdir()
    script.write_text("from tunesmith.__main__ import main\n\nmain()\n")
    return [sys.executable, str(script)]


def test_a_search_does_not_import_these_files(command: list[str], searched: Any, tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir()
    for name in ("data_prep", "models", "search", "cluster", "torch", "optuna"):
        (folder / f"{name}.py").write_text("raise RuntimeError('not this one')\n")
    lay_tables(folder / "runs")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*command, *arguments],
            cwd=folder,
            env={**os.environ, **searched.environment(), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    budget = ["--corpus", str(searched.folder / "tunes"), "--trials", "1", "--epochs", "1", "--slots", "1", *TINY]
    assert "the winner, #0" in run("search", "composer", *budget)
    assert [row["state"] for row in json.loads(run("trials", "composer", "--json"))] == ["COMPLETE"]
