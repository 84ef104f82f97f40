"""``tunesmith report`` on a finished search of real tunes."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from search.study.database import read_search
from tests.tunesmith.conftest import Place
from tunesmith.cli import run
from tunesmith.progress_bar import Bar
from tunesmith.reports.page.winner import WinnerMusic, winner_music
from tunesmith.searching.data import prepare_data

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("searched")]


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
    assert page.count("data-music=") == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_needs_neither_the_winners_model_nor_the_corpus(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(place.folder / "runs", home)
    record = read_search(home, "tiny")
    moved = record.spec.data.model_copy(update={"corpus": str(tmp_path / "moved")})
    spec = record.spec.model_copy(update={"data": moved})
    with Bar() as bar:
        data = partial(prepare_data, moved, progress=bar)
        assert winner_music(replace(record, spec=spec), home, data) == WinnerMusic()
    assert "tiny: no music by the winner" in capsys.readouterr().err
    shutil.rmtree(home / "searches" / "tiny" / "models")
    path = tmp_path / "tiny.html"
    assert run(["report", "tiny", "--home", str(home), "--out", str(path)]) == 0
    assert "data-music=" not in path.read_text(encoding="utf-8")
    assert "no music" not in capsys.readouterr().err


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
