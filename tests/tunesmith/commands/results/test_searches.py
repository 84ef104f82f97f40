"""``tunesmith searches`` on the command line."""

import json
from pathlib import Path

import pytest

from models.families import family
from search.spec.file import load
from search.study.database import names, open_study
from tests.mlflow_tables import lay_tables
from tunesmith.cli import run

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings of MLflow


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with the searches "one" and "two"."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    lay_tables(tmp_path / "runs")
    for name in ("one", "two"):
        with open_study(load("composer", overrides={"name": name}), family("composer"), tmp_path / "runs", "f"):
            pass
    return tmp_path / "runs"


def test_the_list_agrees_as_text_and_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["searches", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["two", "one"]
    assert {(row["state"], row["corpus"], row["trials"], row["best"]) for row in rows} == {
        ("interrupted", "oneills", 0, None)
    }
    (home / "searches" / "one" / "search.toml").write_text("family = 3")
    assert run(["searches"]) == 0
    printed = capsys.readouterr()
    assert "0 of 60" in printed.out
    assert "unreadable" in printed.out
    assert "one cannot be read: family is a word in quotes" in printed.err


def test_a_home_without_searches_suggests_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["searches", "--home", str(tmp_path / "empty")]) == 0
    assert "search composer" in capsys.readouterr().out
    assert not (tmp_path / "empty").exists()


def test_a_search_is_renamed_and_deleted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["searches", "--rename", "one", "first"]) == 0
    assert "search first" in capsys.readouterr().out
    assert names(home) == ["first", "two"]
    assert run(["searches", "--delete", "first"]) == 2, "nobody can answer"
    assert "a deletion is confirmed on a terminal: there is none here; add --yes" in capsys.readouterr().err
    assert run(["searches", "--delete", "first", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"deleted": "first", "mlflow_runs": 0, "left": None}
    assert names(home) == ["two"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--delete", "three", "--yes"], "no search is called 'three'"),
        (["--rename", "one", "two"], "a new name must not be in use"),
        (["--rename", "one", "three", "--delete", "two"], "got both --rename and --delete"),
        (["--yes"], "--yes is for --delete"),
    ],
)
def test_bad_options_are_refused(
    home: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["searches", *options]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert names(home) == ["one", "two"]
