"""What a shell completes after ``tunesmith``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = "from tunesmith.cli import main; main()"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("sea", ["search", "searches"]),
        ("search co", ["composer", "composer-hour", "cold", "cold.toml"]),
        ("trials ", ["cold", "warm"]),
        ("report warm c", ["cold"]),
        ("promote w", ["warm"]),
        ("show w", ["warm/"]),
        ("show warm/", []),
        ("ui w", ["warm"]),
        ("compose --trial c", ["cold"]),
        ("trial --like w", ["warm/"]),
        ("trials --home elsewhere ", ["other"]),
    ],
)
def test_commands_searches_and_search_files_are_completed(tmp_path: Path, words: str, expected: list[str]) -> None:
    for home, name in (("runs", "cold"), ("runs", "warm"), ("elsewhere", "other")):
        folder = tmp_path / home / "searches" / name
        folder.mkdir(parents=True)
        (folder / "search.toml").touch()
    (tmp_path / "runs" / "searches" / "empty").mkdir()
    (tmp_path / "cold.toml").touch()
    environment = {name: value for name, value in os.environ.items() if name != "TUNESMITH_HOME"} | {
        "_TUNESMITH_COMPLETE": "complete_bash",
        "COMP_WORDS": f"tunesmith {words}",
        "COMP_CWORD": str(len(words.split(" "))),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert sorted(done.stdout.split()) == sorted(expected)
