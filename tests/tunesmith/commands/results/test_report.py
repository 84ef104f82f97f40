"""``tunesmith report`` on a finished search of real tunes."""

from pathlib import Path

import pytest

from tests.tunesmith.conftest import Place
from tunesmith.cli import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("searched")]


@pytest.fixture(autouse=True)
def place(searched: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The folder of the search named "tiny", as the current folder."""
    monkeypatch.chdir(searched.folder)
    for name in ("TUNESMITH_CACHE", "COLUMNS"):
        monkeypatch.setenv(name, searched.environment()[name])
    return searched


def test_a_report_is_one_file_with_the_winner_and_the_baselines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tiny.html"
    assert run(["report", "tiny", "--out", str(path)]) == 0
    assert str(path) in capsys.readouterr().out
    page = path.read_text(encoding="utf-8")
    assert "<h1>tiny</h1>" in page
    assert "The best trial is #" in page
    assert "Kneser-Ney trigram + copy" in page
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["report", "tiyn"], "did you mean 'tiny'"),
        (["report", "tiny", "--out", "tiny.pdf"], "the file of a report ends in .html: got 'tiny.pdf' (--out)"),
        (["report", "tiny", "--out", "nowhere/tiny.html"], "the folder of a report must exist"),
    ],
)
def test_what_cannot_be_reported_is_one_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


def test_an_existing_file_is_kept_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tiny.html"
    path.write_text("mine")
    assert run(["report", "tiny", "--out", str(path)]) == 2
    assert path.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert run(["report", "tiny", "--out", str(path), "--force"]) == 0
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
