"""``tunesmith reproduce``: a list, a run that resumes and is extended, its page, and bad input."""

import json
import re
import signal
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.tunesmith.conftest import Place, make_place
from tunesmith.cli import run
from tunesmith.progress_bar import Bar


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, str]:
    """A folder in which Figure 6 was reproduced with two epochs, and the command's output."""
    place = make_place(tmp_path_factory.mktemp("reproduced"))
    done = place.run(*COMMAND)
    assert done.returncode == 0, done.stderr
    return place, done.stdout


COMMAND = ("reproduce", "s1/figure6", "--corpus", "tunes", "--epochs", "1", "--slots", "1")


class Loads(HTMLParser):
    """Collects everything that a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def test_all_experiments_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reproduce"]) == 0
    listed = capsys.readouterr().out
    assert run(["reproduce", "--json"]) == 0
    names = [each["name"] for each in json.loads(capsys.readouterr().out)]
    assert {"s1/table1", "s1/figure5", "s1/figure7", "s1/optimisers", "s1/trends", "s2/final"} <= set(names)
    assert all(name in listed for name in names)


def test_an_unknown_experiment_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reproduce", "s1/tabel1"]) == 2
    assert "did you mean 's1/table1'?" in capsys.readouterr().err


def test_options_without_effect_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    options = {"--corpus": "oneills", "--repeats": "written", "--epochs": "1", "--slots": "1", "--name": "x"}
    for option, value in options.items():
        assert run(["reproduce", "s1/figure4", option, value]) == 2
        err = capsys.readouterr().err
        assert "s1/figure4 takes only --seeds, --out and --json" in err
        assert f"got {option}" in err


def test_a_stopped_grid_says_that_nothing_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(_: Bar, amount: float) -> None:
        assert amount
        raise KeyboardInterrupt

    monkeypatch.setattr(Bar, "advance", stopped)
    assert run(["reproduce", "s1/figure4", "--out", str(tmp_path)]) == 130
    assert "stopped; nothing was written: the same command begins again" in capsys.readouterr().err
    assert list((tmp_path / "s1" / "figure4").iterdir()) == []


def test_the_page_has_tunes_measures_and_says_that_the_corpus_is_another(reproduced: tuple[Place, str]) -> None:
    place, out = reproduced
    folder = place.folder / "reproduced" / "s1" / "figure6"
    text = (folder / "page.md").read_text(encoding="utf-8")
    assert "cannot be compared with these values" in text
    assert re.search(r"\| 23 \| model A \| 4.177 \| \d+\.\d+ ± ", text)
    assert "| notes in key (share) |" in text
    pictures = re.findall(r"!\[.*\]\((.+)\)", text)
    assert pictures == ["tune-1.svg", "tune-2.svg"]
    assert all((folder / name).read_text(encoding="utf-8").lstrip().startswith(("<?xml", "<svg")) for name in pictures)
    assert "page.html" in out


def test_the_html_page_loads_nothing(reproduced: tuple[Place, str]) -> None:
    place, _ = reproduced
    page = Loads()
    page.feed((place.folder / "reproduced" / "s1" / "figure6" / "page.html").read_text(encoding="utf-8"))
    assert len(page.sources) == 2
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert page.tags.count("table") == 3
    assert "script" not in page.tags


def test_another_figure_of_the_same_models_trains_nothing(reproduced: tuple[Place, str]) -> None:
    place, _ = reproduced
    command = [word.replace("figure6", "figure5") for word in COMMAND]
    done = place.run(*command, "--json")
    assert done.returncode == 0, done.stderr
    assert "first epoch" not in done.stderr
    data = json.loads(done.stdout)
    assert [row["trials"] for row in data["rows"]] == [[0], [1]]
    assert (place.folder / "reproduced" / "s1" / "figure5" / "curves.svg") in map(place.folder.joinpath, data["files"])


def test_the_name_of_another_search_is_refused_with_an_option_that_exists(reproduced: tuple[Place, str]) -> None:
    place, _ = reproduced
    (other,) = (path.name for path in (place.folder / "runs" / "searches").iterdir())
    done = place.run("reproduce", "s1/optimisers", "--corpus", "tunes", "--epochs", "1", "--name", other)
    assert done.returncode == 2
    assert "give the changed search another name (--name)" in done.stderr


def test_a_run_without_results_does_not_replace_a_page(reproduced: tuple[Place, str]) -> None:
    place, _ = reproduced
    pages = place.folder / "reproduced" / "s1" / "figure6"
    before = {path: path.read_bytes() for path in pages.iterdir()}
    command = ["500" if word == "1" else word for word in COMMAND[:-1]]
    with place.start(*command, "1") as program:
        while "first epoch" not in program.errors:
            assert program.poll() is None, program.errors
            time.sleep(0.1)
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(60)
    assert program.returncode == 130, err
    assert "No results yet." in out
    assert "the page" not in out
    assert {path: path.read_bytes() for path in pages.iterdir()} == before


def test_a_corpus_that_is_too_small_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tunes = tmp_path / "tunes"
    tunes.mkdir()
    (tunes / "one.abc").write_text("X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n")
    assert run(["reproduce", "s1/table1", "--corpus", str(tunes), "--home", str(tmp_path / "runs")]) == 2
    err = capsys.readouterr().err
    assert err.count("error:") == 1
    assert "pieces" in err


def test_a_folder_that_cannot_be_written_is_refused_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(["reproduce", "s1/table1", "--out", str(tmp_path / "file")]) == 2
    assert "the folder of pages must be writable" in capsys.readouterr().err
