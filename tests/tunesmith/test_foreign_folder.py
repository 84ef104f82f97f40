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


def test_a_search_does_not_import_these_files(searched: Any, tmp_path: Path) -> None:
    """Run by the module and by the installed script, whose workers are the same."""
    script = tmp_path / "bin" / "tunesmith"
    script.parent.mkdir()
    script.write_text("from tunesmith.__main__ import main\n\nmain()\n")
    folder = tmp_path / "foreign"
    folder.mkdir()
    for name in ("data_prep", "models", "search", "cluster", "torch", "optuna"):
        (folder / f"{name}.py").write_text("raise RuntimeError('not this one')\n")
    lay_tables(folder / "runs")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
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
    assert "nothing was run or stored" in run(str(script), "search", "composer", *budget, "--dry-run")
    assert "the winner, #0" in run("-m", "tunesmith", "search", "composer", *budget)
    assert [row["state"] for row in json.loads(run(str(script), "trials", "composer", "--json"))] == ["COMPLETE"]
