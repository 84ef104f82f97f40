"""``tunesmith data`` on both kinds of data: text, JSON, pictures and errors."""

import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.image import imread

from data_prep.corpora.named import corpora
from data_prep.prepared.corpus import prepare
from models.families import family
from search.spec.file import default_corpus, load
from tests.hand_midi import performance
from tunesmith.cli import run


@pytest.fixture(autouse=True)
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of performances in two styles, with an unreadable file and a file that is left out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    for number, style in enumerate(("calm", "wild")):
        folder = tmp_path / "played" / style
        folder.mkdir(parents=True)
        for index in range(6):
            (folder / f"{index}.mid").write_bytes(performance(100 * number + index))
    (tmp_path / "played" / "calm" / "cut.mid").write_bytes(performance(7)[:-9])
    (tmp_path / "played" / "wild" / "flat.mid").write_bytes(performance(8, velocities=3))
    return tmp_path / "played"


@pytest.fixture
def tunes(tmp_path: Path) -> Path:
    """A folder of melodies."""
    folder = tmp_path / "tunes"
    folder.mkdir()
    (folder / "some.abc").write_bytes((corpora()["oneills"].folder / "0501-0550.abc").read_bytes())
    return folder


def _shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["data", "show", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_folder_of_performances_is_described_by_style(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", "played"]) == 0
    printed = capsys.readouterr()
    assert "style calm" in printed.out
    assert "velocities, wild" in printed.out
    assert "█" in printed.out
    errors = " ".join(printed.err.split())
    assert "1 skipped, not readable: calm/cut.mid: it is cut short" in errors
    assert "1 left out: wild/flat.mid: 3 distinct velocities; at least 20 are needed" in errors


def test_json_contains_the_whole_description(played: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = _shown(capsys, "played")
    prepared = prepare("played", kind="performances")
    assert shown["kind"] == "performances"
    assert shown["fingerprint"] == prepared.fingerprint
    assert [file["file"] for file in shown["skipped"]] == ["calm/cut.mid"]
    assert [file["file"] for file in shown["exclusions"]] == ["wild/flat.mid"]
    assert shown["num_files"] == len(list(played.rglob("*.mid")))
    assert sum(style["notes"] for style in shown["styles"].values()) == shown["num_notes"] == prepared.data.num_notes
    assert sum(sum(style["histogram"].values()) for style in shown["styles"].values()) == shown["num_notes"]


def test_the_kind_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _shown(capsys, "played", "--kind", "melodies")
    assert shown["kind"] == "melodies"
    assert shown["num_tokens"] > 0


def test_prepare_prints_the_size_of_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "prepare", "played"]) == 0
    assert "played: 10 performances with 640 notes in 4 folds, and 2 in the sealed test set" in capsys.readouterr().out


def test_the_list_shows_the_kind_of_each_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list", "--json"]) == 0
    kinds = {corpus["name"]: corpus["kind"] for corpus in json.loads(capsys.readouterr().out)}
    assert kinds["synthetic"] == "performances"
    assert kinds["oneills"] == "melodies"
    assert run(["data", "list"]) == 0
    assert "synthetic performances" in capsys.readouterr().out


@pytest.mark.parametrize("corpus", ["played", "tunes"])
def test_both_kinds_can_be_drawn(corpus: str, tunes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tunes.exists()
    shown = _shown(capsys, corpus, "--picture", f"{corpus}.png")
    assert shown["corpus"] == corpus
    pixels = imread(f"{corpus}.png")
    assert min(pixels.shape[:2]) > 400
    assert pixels[..., :3].std() > 0.05  # the picture is not empty
    assert run(["data", "show", corpus, "--picture", f"{corpus}.png"]) == 2
    assert f"{corpus}.png exists" in " ".join(capsys.readouterr().err.split())
    assert _shown(capsys, corpus, "--picture", f"{corpus}.png", "--force") == shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["played", "--picture", "a.gif"], "a picture's file ends in .png, .svg, .pdf: got 'a.gif'"),
        (["played", "--picture", "no/such/a.png"], "the folder of a picture must exist: "),
        (["played:era"], "there is no played/index.csv"),
        (["played", "--kind", "chords"], "no kind of data is called 'chords'"),
        (["oneills", "--kind", "performances"], "the corpus 'oneills' has melodies; use a folder, or synthetic"),
        (["played", "--folds", "9"], "the style 'calm' has 6"),
    ],
)
def test_invalid_arguments_are_rejected(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", *arguments]) == 2
    printed = capsys.readouterr()
    assert message in " ".join(printed.err.split())
    assert printed.out == ""


def test_the_default_corpus_of_a_family_is_of_its_kind() -> None:
    composer = family("composer")
    assert default_corpus(composer) == load("composer").data.corpus
    assert corpora()[default_corpus(composer)].kind == composer.data_kind


@pytest.mark.parametrize("name", ["tunes [bold]", "all[/of them]"])
def test_a_folder_name_with_markup_is_printed_verbatim(
    name: str, tunes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    tunes.rename(name)
    (Path(name) / "no [red]music.mid").write_text("")
    assert run(["data", "prepare", name]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{name}: ")
    assert "no [red]music.mid: it is not a MIDI file" in printed.err
    assert run(["data", "show", name]) == 0
    assert f"{name}: the scores in {name}" in capsys.readouterr().out


def test_the_reading_of_repeats_is_shown(tunes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written, played = _shown(capsys, str(tunes)), _shown(capsys, str(tunes), "--repeats", "played")
    assert (written["repeats"], played["repeats"]) == ("written", "played")
    assert written["num_notes"] + written["num_test_notes"] < played["num_notes"] + played["num_test_notes"]
    assert run(["data", "show", str(tunes), "--repeats", "played"]) == 0
    assert "read as played" in capsys.readouterr().out
    assert run(["data", "prepare", str(tunes), "--repeats", "sung"]) == 2
    assert "no reading of repeats is called 'sung'; there are: played, written" in capsys.readouterr().err
