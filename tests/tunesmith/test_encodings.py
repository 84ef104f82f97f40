"""Characters that the output's encoding lacks are replaced without an error."""

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
    """A folder with fifty tunes, and a tune whose title has characters of no 8-bit encoding."""
    folder = tmp_path_factory.mktemp("encodings")
    (folder / "tunes").mkdir()
    (folder / "tunes" / "some.abc").write_bytes((corpora()["oneills"].folder / "0501-0550.abc").read_bytes())
    (folder / "one.abc").write_text("X:1\nT:Ψαλμός █ é\nM:4/4\nL:1/4\nK:C\nCDEF|]\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("environment", ENCODINGS, ids=lambda variables: "-".join(variables.values()))
def test_tables_bars_and_titles_are_printed_with_replacements(folder: Path, environment: dict[str, str]) -> None:
    assert b"?" in _run(folder, environment, "data", "show", "tunes").stdout  # its bars
    notes = _run(folder, environment, "data", "notes", "one.abc")
    assert b"?????? ? " in notes.stdout
    as_json = _run(folder, environment, "data", "notes", "one.abc", "--json")
    assert json.loads(as_json.stdout.decode("ascii"))["pieces"][0]["title"] == "Ψαλμός █ é"  # JSON uses escapes


@pytest.mark.slow
@pytest.mark.xdist_group("searched")
def test_the_result_of_a_search_is_printed_with_replacements(searched: Any) -> None:
    environment = {**searched.environment(), "PYTHONIOENCODING": "ascii"}
    done = _run(searched.folder, environment, "search", "tiny")
    assert b"the winner, #" in done.stdout
    assert b"? is one standard error" in done.stdout
    for command in (("show", "tiny/0"), ("trials", "tiny"), ("search", "tiny", "--dry-run")):
        assert _run(searched.folder, environment, *command).stdout.isascii()
