"""Characters that the encoding of the output lacks are replaced, and nothing fails."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data_prep.corpora.named import corpora

ENCODINGS = [
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
]


def _run(folder: Path, environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    set_here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TUNESMITH_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "tunesmith", *arguments]
    done = subprocess.run(command, cwd=folder, env={**set_here, **environment}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty tunes, and one whose title no 8-bit encoding has."""
    folder = tmp_path_factory.mktemp("encodings")
    (folder / "tunes").mkdir()
    (folder / "tunes" / "some.abc").write_bytes((corpora()["oneills"].folder / "0501-0550.abc").read_bytes())
    (folder / "one.abc").write_text("X:1\nT:Ψαλμός █ é\nM:4/4\nL:1/4\nK:C\nCDEF|]\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("environment", ENCODINGS, ids=lambda one: "-".join(one.values()))
def test_tables_bars_and_titles_are_written_with_what_there_is(folder: Path, environment: dict[str, str]) -> None:
    assert b"?" in _run(folder, environment, "data", "show", "tunes").stdout  # its bars
    notes = _run(folder, environment, "data", "notes", "one.abc")
    assert b"?????? ? " in notes.stdout
    found = _run(folder, environment, "data", "notes", "one.abc", "--json")
    assert json.loads(found.stdout.decode("ascii"))["pieces"][0]["title"] == "Ψαλμός █ é"  # JSON loses nothing


@pytest.mark.slow
@pytest.mark.xdist_group("searched")
def test_a_search_ends_with_its_result_all_the_same(searched: Any) -> None:
    environment = {**searched.environment(), "PYTHONIOENCODING": "ascii"}
    done = _run(searched.folder, environment, "search", "tiny")
    assert b"the winner, #" in done.stdout
    assert b"? is one standard error" in done.stdout
    for command in (("show", "tiny/0"), ("trials", "tiny"), ("search", "tiny", "--dry-run")):
        assert _run(searched.folder, environment, *command).stdout.isascii()
