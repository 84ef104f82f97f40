"""``tunesmith compose``: the files of composed tunes, seeds, and errors in one line."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from data_prep.pitches import REST
from data_prep.tunes.notation import Tune
from data_prep.tunes.prompts import read_prompt
from data_prep.writers.files import FORMATS, write
from tests.hand_melodies import two_voices
from tests.models.trained_composers import trained
from tests.tunesmith.conftest import Done
from tunesmith.cli import run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("trained") / "small.pt", beat="target")


@pytest.fixture
def compose(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Run the command in an empty folder, by default with a trained model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUNESMITH_HOME", raising=False)

    def command(arguments: str, *, model: Path | str | None = model) -> Done:
        named = [] if model is None else ["--model", str(model)]
        status = run(["compose", *named, *arguments.split()])
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return command


def test_every_format_of_every_tune_is_written_and_listed(compose: Callable[..., Done], tmp_path: Path) -> None:
    done = compose("--count 2 --bars 4 --seed 7 --key G --metre 3/4 --json")
    assert done.status == 0, done.err
    tunes = json.loads(done.out)["tunes"]
    assert [tune["name"] for tune in tunes] == ["small-seed7-01", "small-seed7-02"]
    for tune in tunes:
        assert (tune["key"], tune["metre"], tune["bars"], tune["given_notes"]) == ("G major", "3/4", 4.0, 0)
        assert len(tune["files"]) == len(FORMATS) + 1
        assert all((tmp_path / path).stat().st_size > 0 for path in tune["files"])
        sounding: list[list[int]] = []
        for ending in (".abc", ".mid", ".musicxml"):
            read, _ = read_prompt(tmp_path / "composed" / f"{tune['name']}{ending}")
            assert (read.metre, read.fifths) == ((3, 4), 1)
            sounding.append([pitch for pitch in read.pitch if pitch != REST])
        assert sounding[0] == sounding[1] == sounding[2]
        assert 0 < len(sounding[0]) <= tune["notes"]


def test_the_same_seed_composes_the_same_tunes(compose: Callable[..., Done], tmp_path: Path) -> None:
    for folder, arguments in {
        "four": "--seed 3 --count 4",
        "two": "--seed 3 --count 2",
        "other": "--seed 4 --count 2",
    }.items():
        assert compose(f"--bars 3 --formats midi --no-report --out {folder} {arguments}").status == 0
    files = {
        folder: [path.read_bytes() for path in sorted((tmp_path / folder).iterdir())]
        for folder in ("four", "two", "other")
    }
    assert len(files["four"]) == 4
    assert files["four"][:2] == files["two"]
    assert files["two"] != files["other"]


def test_the_voices_of_scores_are_written_as_tunes(compose: Callable[..., Done], tmp_path: Path) -> None:
    hearing = trained(tmp_path / "hearing.pt", two_voices(12), conditioning="upper_voices")
    done = compose("--voices 3 --count 2 --bars 4 --formats abc --no-report --json", model=hearing)
    assert done.status == 0, done.err
    tunes = json.loads(done.out)["tunes"]
    assert [tune["name"][-2:] for tune in tunes] == ["01", "02", "03", "04", "05", "06"]
    for score in (tunes[:3], tunes[3:]):
        assert len({(tune["key"], tune["metre"], tune["bars"]) for tune in score}) == 1
    titles = [(tmp_path / tune["files"][0]).read_text().split("T:")[1].split("\n")[0] for tune in tunes]
    assert [title.split(", ", 2)[2] for title in titles[2:4]] == ["score 1, voice 3", "score 2, voice 1"]


def test_a_model_of_single_tunes_composes_no_scores(compose: Callable[..., Done]) -> None:
    done = compose("--voices 2")
    assert done.status == 2
    assert "scores of several voices need a model that hears the voices above" in done.err


def test_each_run_writes_a_set_of_its_own_and_does_not_change_other_files(
    compose: Callable[..., Done], tmp_path: Path
) -> None:
    folder = tmp_path / "composed"
    before: dict[str, bytes] = {}
    runs = ["--count 2 --formats midi,abc", "--form AABB --formats abc,roll", "--key D --metre 6/8 --formats midi"]
    for number, arguments in enumerate(runs, 1):
        done = compose(f"--bars 4 {arguments} --json")
        assert done.status == 0, done.err
        name = "small-seed1" if number == 1 else f"small-seed1-run{number}"
        files = [path for tune in json.loads(done.out)["tunes"] for path in tune["files"]]
        assert all(Path(path).name.startswith(f"{name}-0") for path in files)
        there = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert there.keys() - before.keys() == {*(Path(path).name for path in files), *_reports(name)}
        assert {name: there[name] for name in before} == before
        before = there
    assert compose("--bars 4 --seed 2 --formats abc --no-report").status == 0
    again = compose("--bars 4 --form AABB --formats abc --force")  # replaces all files of the first run
    assert again.status == 0, again.err
    there = {path.name for path in folder.iterdir()}
    gone = {"small-seed1-01.mid", "small-seed1-02.mid", "small-seed1-02.abc"}
    assert there == (before.keys() - gone) | {"small-seed2-01.abc"}
    report = json.loads((folder / "small-seed1-report.json").read_text())
    assert list(report["tunes"]) == ["small-seed1-01"]
    assert (folder / "small-seed1-01.abc").read_bytes() == (folder / "small-seed1-run2-01.abc").read_bytes()


def _reports(name: str) -> set[str]:
    return {f"{name}-report.json", f"{name}-report.md"}


def test_a_failing_run_removes_no_files(compose: Callable[..., Done], tmp_path: Path) -> None:
    assert compose("--bars 2 --formats abc").status == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "composed").iterdir()}
    assert compose("--bars 3 --formats midi --instrument nothing --force").status == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "composed").iterdir()} == before


def test_a_prompt_is_continued(compose: Callable[..., Done], tmp_path: Path) -> None:
    notes = "G,A,B,C DEFG ABcd"
    (tmp_path / "mine.abc").write_text(f"X:1\nT:Mine\nM:4/4\nL:1/8\nK:C\n{notes}|\n")
    done = compose("--prompt mine.abc --prompt-notes 5 --bars 3 --formats abc,roll --json")
    assert done.status == 0, done.err
    (tune,) = json.loads(done.out)["tunes"]
    assert (tune["given_notes"], tune["metre"], tune["key"]) == (5, "4/4", "C major")
    assert [Path(path).name for path in tune["files"]] == ["small-seed1-01.abc", "small-seed1-01-roll.png"]
    prompt, _ = read_prompt(tmp_path / "mine.abc")
    composed, _ = read_prompt(tmp_path / tune["files"][0])
    assert composed.duration[:5] == prompt.duration[:5]
    # The toy corpus has no notes below middle C, so notes of the same pitch classes replace them, with a warning.
    assert [pitch % 12 for pitch in composed.pitch[:5]] == [pitch % 12 for pitch in prompt.pitch[:5]]
    assert "does not know" in done.err
    assert "of the prompt's 5 notes" in " ".join(done.err.split())


@pytest.mark.parametrize("ending", ["abc", "mid", "musicxml"])
@pytest.mark.parametrize("pickup", [Fraction(1, 2), Fraction(1, 4), Fraction(2)])
def test_every_format_preserves_a_pickup(
    pickup: Fraction, ending: str, compose: Callable[..., Done], tmp_path: Path
) -> None:
    mine = Tune(
        (67, 69, 71, 72), (pickup, Fraction(1), Fraction(1), Fraction(1)), metre=(3, 4), pickup=pickup, fifths=1
    )
    formats = ["abc", "midi", "musicxml"]
    write(mine, tmp_path, "mine", formats)
    done = compose(f"--prompt mine.{ending} --bars 3 --formats {','.join(formats)} --no-report --json")
    assert done.status == 0, done.err
    (tune,) = json.loads(done.out)["tunes"]
    assert (tune["bars"], tune["metre"]) == (3.0, "3/4")
    for path in tune["files"]:
        read, _ = read_prompt(tmp_path / path)
        assert (read.metre, read.pickup) == ((3, 4), pickup), path


def test_tunes_are_listed_and_measured(compose: Callable[..., Done], tmp_path: Path) -> None:
    done = compose("--count 2 --bars 2 --formats midi --metre 4/4")
    assert done.status == 0, done.err
    assert "small-seed1-02" in done.out
    assert ".mid" in done.out
    assert "ends on the tonic" in done.out
    assert "not available" in " ".join(done.out.split())
    report = json.loads((tmp_path / "composed" / "small-seed1-report.json").read_text())
    assert report["corpus"] is None
    assert report["tunes"]["small-seed1-02"]["values"]["ends_on_tonic"]["value"] == 1.0
    odd = compose("--bars 2 --formats roll --metre 7/8")
    assert "no piece that the model was trained on is in 7/8" in " ".join(odd.err.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--temperature -1", "a temperature must be finite and at least 0"),
        ("--top-p 0", "top-p is a probability"),
        ("--top-k -3", "top-k is a number of notes"),
        ("--bars 0", "1 to 1000 bars"),
        ("--count 0", "from 1 to 1000 tunes"),
        ("--key H", "a key is written like"),
        ("--metre 6-8", "a metre is written like 6/8"),
        ("--lowest X9", "a pitch is written like G3"),
        ("--lowest C6 --highest C5", "lowest pitch is not above"),
        ("--highest C0", "has none from MIDI pitch 0 to 12"),
        ("--formats mdi", "did you mean 'midi'"),
        ("--formats ,", "one or more of midi"),
        ("--prompt nowhere.abc", "nowhere.abc is not"),
        ("--prompt empty.abc", "a prompt is a tune of at least one note"),
        ("--prompt text.txt", "a prompt ends in"),
        ("--prompt long.abc --bars 1", "must be shorter than the tune"),
        ("--out empty.abc", "empty.abc is not"),
        ("--corpus onells", "did you mean 'oneills'"),
    ],
)
def test_invalid_options_are_reported_in_one_line(
    arguments: str, message: str, compose: Callable[..., Done], tmp_path: Path
) -> None:
    (tmp_path / "empty.abc").write_text("")
    (tmp_path / "long.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n")
    done = compose(arguments)
    assert done.status == 2
    assert message in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert done.out == ""


def test_models_that_cannot_compose_are_rejected(compose: Callable[..., Done], tmp_path: Path) -> None:
    from models.stylenet.spec import StyleNetSpec
    from models.training import checkpoint

    (tmp_path / "broken.pt").write_bytes(b"PK, or so one might think")
    checkpoint.save(tmp_path / "style.pt", {}, StyleNetSpec(), {"family": "stylenet"})
    for named, message in {
        "nowhere.pt": "a trained model must exist",
        "broken.pt": "is not a checkpoint",
        "style.pt": "style.pt is a stylenet",
    }.items():
        done = compose("", model=named)
        assert (done.status, done.out) == (2, "")
        assert message in " ".join(done.err.split())
    for arguments, message in {
        "--trial nothing": "no search is called 'nothing'",
        "": "no search is called 'composer'",
        "--model composer@champion": "no composer",
        "--model stylenet@champion": "the model must be a composer",
        "--model composer@3 --trial nothing/2": "a model is named by --model or by --trial",
    }.items():
        done = compose(arguments, model=None)
        assert (done.status, done.out) == (2, "")
        assert message in " ".join(done.err.split())


@pytest.mark.slow
@pytest.mark.xdist_group("searched")
def test_a_searchs_trials_compose(searched: Any) -> None:
    rows = json.loads(searched.run("trials", "tiny", "--json").stdout)
    options = ("--formats", "abc", "--out", "made")  # the corpus is in the folder "tunes"
    number = next(row["number"] for row in rows if row["state"] == "COMPLETE")
    done = searched.run("compose", "--trial", f"tiny/{number}", "--bars", "4", *options, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [tune["name"] for tune in result["tunes"]] == [f"tiny-{number}-seed1-01"]
    assert result["report"]["corpus"]["name"] == "tunes"
    assert result["report"]["tunes"][f"tiny-{number}-seed1-01"]["values"]["longest_copy"]["value"] >= 0
    best = searched.run("compose", "--trial", "tiny", "--bars", "4", *options)
    assert best.returncode == 0, best.stderr
    search = searched.run("search", "tiny")
    assert "tunesmith compose --trial tiny/" in search.stdout
