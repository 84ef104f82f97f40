"""``tunesmith perform`` on several files, folders and scores: what is written, reported and refused."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from data_prep.readers.midi import files as midi_file
from models.uses.performing import perform as perform_bytes
from tests import hand_midi
from tests.hand_musicxml import attributes, note, notes, score
from tests.models import trained_stylenets
from tunesmith import load_model
from tunesmith.cli import run
from tunesmith.performing import files as performing_files
from tunesmith.python.models import LoadedPerformer

DYNAMIC = "<direction><direction-type><dynamics><{}/></dynamics></direction-type></direction>"
SCORE = score(
    attributes() + DYNAMIC.format("p") + notes("C4 D4 E4 F4"),
    DYNAMIC.format("f") + notes("G4 A4 B4 C5") + note("C5", 1),
).replace("Flute", "Piano")


@dataclass(frozen=True)
class Done:
    """The result of a command."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(trained_stylenets.trained(tmp_path_factory.mktemp("models") / "note.pt", view="note"))


@pytest.fixture
def perform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the command in a folder with a.mid, pieces/b.mid and pieces/deep/c.midi."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pieces" / "deep").mkdir(parents=True)
    for number, name in enumerate(("a.mid", "pieces/b.mid", "pieces/deep/c.midi")):
        (tmp_path / name).write_bytes(hand_midi.performance(number, length=40))

    def command(*arguments: str) -> Done:
        status = run(["perform", *arguments])
        printed = capsys.readouterr()
        return Done(status, printed.out, " ".join(printed.err.split()))

    return command


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_files_and_folders_are_performed_with_one_model(
    perform: Callable[..., Done], model: str, tmp_path: Path
) -> None:
    (tmp_path / "pieces" / "._b.mid").write_bytes(b"hidden")
    done = perform(
        "a.mid", "pieces", "pieces/b.mid", "--model", model, "--genre", "calm", "--out", "performed", "--json"
    )
    assert done.status == 0, done.err
    assert written(tmp_path / "performed") == ["a.mid", "b.mid", "deep/c.midi"]
    assert "performing files (3)" in done.err
    report = json.loads(done.out)
    assert [row["input"] for row in report["files"]] == ["a.mid", "pieces/b.mid", "pieces/deep/c.midi"]
    assert report["failed"] == []
    performer = load_model(model)
    assert isinstance(performer, LoadedPerformer)
    alone = perform_bytes((tmp_path / "pieces/b.mid").read_bytes(), performer.model, "calm")
    assert (tmp_path / "performed/b.mid").read_bytes() == alone, "as if it were performed alone"


def test_hidden_folders_and_an_output_folder_inside_the_input_are_left_out(
    perform: Callable[..., Done], tmp_path: Path
) -> None:
    (tmp_path / "pieces" / ".trash").mkdir()
    (tmp_path / "pieces" / ".trash" / "d.mid").write_bytes(b"hidden")
    for options in ([], ["--force"]):
        done = perform("pieces", "--flat", "--out", "pieces/performed", *options)
        assert done.status == 0, done.err
        assert "performing files (2)" in done.err
        assert written(tmp_path / "pieces" / "performed") == ["b.mid", "deep/c.midi"]
    assert "an input is never replaced" in perform("pieces", "--flat", "--out", "pieces", "--force").err


def test_every_style_and_sound_are_written_below_the_default_folder(
    perform: Callable[..., Done], model: str, tmp_path: Path
) -> None:
    done = perform("pieces/deep", "--model", model, "--genre", "all", "--wav")
    assert done.status == 0, done.err
    names = ["c-calm.midi", "c-calm.wav", "c-wild.midi", "c-wild.wav"]
    assert written(tmp_path / "performed") == names
    assert (tmp_path / "performed/c-calm.wav").read_bytes().startswith(b"RIFF")
    assert [line.split("; sound in ")[1] for line in done.out.splitlines()] == [
        f"performed/{names[1]}",
        f"performed/{names[3]}",
    ]


def test_a_bad_file_does_not_prevent_the_others(perform: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "pieces" / "bad.mid").write_bytes(b"no music")
    (tmp_path / "pieces" / "flute.xml").write_text(SCORE.replace("Piano", "Flute"), encoding="utf-8")
    (tmp_path / "pieces" / "empty.mxl").write_bytes(b"")
    done = perform("pieces", "missing.mid", "--flat", "--json")
    assert done.status == 2
    assert done.err.count("error: ") == 4
    assert "it does not begin with MThd (pieces/bad.mid)" in done.err
    assert "there is no piano in it: its parts are Flute (pieces/flute.xml)" in done.err
    assert done.err.endswith("4 of 6 files could not be performed")
    assert written(tmp_path / "performed") == ["b.mid", "deep/c.midi"]
    report = json.loads(done.out)
    assert [row["input"] for row in report["files"]] == ["pieces/b.mid", "pieces/deep/c.midi"]
    assert [row["input"] for row in report["failed"]] == [
        "pieces/bad.mid",
        "pieces/empty.mxl",
        "pieces/flute.xml",
        "missing.mid",
    ]


def test_a_stopped_command_reports_and_keeps_what_it_performed(
    perform: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = performing_files.perform_file

    def interrupted(source: Path, *arguments: object) -> object:
        if source.name == "c.midi":
            raise KeyboardInterrupt
        return read(source, *arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(performing_files, "perform_file", interrupted)
    done = perform("pieces", "--flat")
    assert (done.status, written(tmp_path / "performed")) == (130, ["b.mid"])
    assert "performed/b.mid" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("pieces --out pieces", "an input is never replaced: the output would be pieces/b.mid; name another --out"),
        ("pieces --out linked", "the output would be linked/b.mid, which is pieces/b.mid"),
        ("a.mid --out a.mid", "an input is never replaced: the output would be a.mid"),
        ("a.mid --out link.mid", "the output would be link.mid, which is a.mid"),
        ("a.mid --out hard.mid", "the output would be hard.mid, which is a.mid"),
        ("a.mid --out pieces/../a.mid", "the output would be pieces/../a.mid, which is a.mid"),
        ("a.mid --out .", "an input is never replaced: the output would be a.mid"),
        ("a.mid --out new.mid --picture a.mid", "an input is never replaced: the output would be a.mid"),
    ],
)
def test_an_output_that_is_an_input_is_refused(
    arguments: str, message: str, perform: Callable[..., Done], tmp_path: Path
) -> None:
    (tmp_path / "linked").symlink_to("pieces")
    (tmp_path / "link.mid").symlink_to("a.mid")
    os.link(tmp_path / "a.mid", tmp_path / "hard.mid")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for force in ((), ("--force",)):
        done = perform(*arguments.split(), "--flat", *force)
        assert (done.status, done.out) == (2, "")
        assert message in done.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "none --flat",
            "a folder to perform has at least one file (.mid, .midi, .musicxml, .mxl, .xml): there is none",
        ),
        ("pieces none --flat", "there is none in none"),
        ("a.mid pieces --out taken --flat", "several files are performed into a folder: taken is a file (--out)"),
        ("a.mid twin/a.mid --flat", "a.mid and twin/a.mid would both be written to performed/a.mid; rename one"),
        ("twin --flat", "twin/tune.mid and twin/tune.xml would both be written to performed/tune.mid"),
        (
            "pieces a.mid --flat --picture roll.png",
            "a picture shows a single file: got several or a folder (--picture)",
        ),
        ("a.mid --flat --spread human", "--spread human scales the predictions of a model: got it with --flat"),
        ("a.mid --random --spread human", "--spread human scales the predictions of a model: got it with --random"),
        ("a.mid --flat --spread wide", "no spread is called 'wide'"),
        (
            "a.mid --flat --keep-accents 1.5",
            "the share of accents to keep is a number from 0 (none) to 1 (all): got 1.5",
        ),
        ("a.mid --flat --keep-accents=-1", "the share of accents to keep is a number from 0 (none) to 1 (all): got -1"),
        (
            "a.mid --flat --keep-accents nan",
            "the share of accents to keep is a number from 0 (none) to 1 (all): got nan",
        ),
        ("a.mid --flat --wav --out a.wav", "each output needs its own file: a.wav would be written twice"),
        ("silent.xml --flat", "there are no notes in it (silent.xml)"),
        ("flute.xml --flat", "there is no piano in it: its parts are Flute (flute.xml)"),
        ("flute.xml --flat --repeats often", "no reading of repeats is called 'often'"),
        ("a.mid pieces --genre calmm --model MODEL", "did you mean 'calm'"),
        ("a.mid pieces --flat --out locked", "is not (Not a directory)"),
    ],
)
def test_bad_input_is_reported_in_one_line_and_nothing_is_written(
    arguments: str, message: str, perform: Callable[..., Done], model: str, tmp_path: Path
) -> None:
    for folder in ("none", "twin"):
        (tmp_path / folder).mkdir()
    (tmp_path / "none" / "notes.txt").write_text("no music")
    for name in ("twin/a.mid", "twin/tune.mid"):
        (tmp_path / name).write_bytes(hand_midi.performance(3, length=40))
    (tmp_path / "twin" / "tune.xml").write_text(SCORE, encoding="utf-8")
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "flute.xml").write_text(SCORE.replace("Piano", "Flute"), encoding="utf-8")
    rest = "<note><rest/><duration>8</duration></note>"
    (tmp_path / "silent.xml").write_text(score(attributes() + rest), encoding="utf-8")
    if "locked" in arguments:
        arguments = arguments.replace("locked", "taken/deep")
    done = perform(*arguments.replace("MODEL", model).split())
    assert done.status == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "performed").exists()


def test_existing_performances_are_replaced_only_with_force(perform: Callable[..., Done], tmp_path: Path) -> None:
    assert perform("pieces", "--flat", "--wav").status == 0
    (tmp_path / "performed/b.mid").unlink()
    done = perform("pieces", "--random", "--wav")
    assert done.status == 2
    assert "performed/deep/c.midi (and 2 more) exists" in done.err
    assert not (tmp_path / "performed/b.mid").exists()
    assert perform("pieces", "--random", "--wav", "--force").status == 0


def test_accents_of_the_file_are_kept_as_much_as_wanted(perform: Callable[..., Done], tmp_path: Path) -> None:
    before = midi_file.read((tmp_path / "a.mid").read_bytes()).notes.velocity.astype(float)
    for share in ("0.5", "1"):
        assert perform("a.mid", "--flat", "--keep-accents", share, "--out", f"{share}.mid").status == 0
        after = midi_file.read((tmp_path / f"{share}.mid").read_bytes()).notes.velocity
        assert after.tolist() == np.rint(64 + float(share) * (before - np.median(before))).tolist()


def test_the_human_spread_is_that_of_the_training_pieces(
    perform: Callable[..., Done], model: str, tmp_path: Path
) -> None:
    options = ("--model", model, "--genre", "calm", "--json")
    rows = {
        spread: json.loads(perform("a.mid", *options, "--spread", spread, "--out", f"{spread}.mid").out)
        for spread in ("predicted", "human")
    }
    performer = load_model(model)
    assert isinstance(performer, LoadedPerformer)
    human = performer.model.human_spread("calm")
    assert rows["human"]["performances"][0]["spread"] == pytest.approx(human, abs=0.3)
    assert rows["predicted"]["performances"][0]["spread"] < 0.9 * human
    again = performer.perform((tmp_path / "a.mid").read_bytes(), "calm", spread="human")
    assert again == (tmp_path / "human.mid").read_bytes()


def test_the_dynamics_of_a_score_are_shown_beside_the_models(
    perform: Callable[..., Done], model: str, tmp_path: Path
) -> None:
    (tmp_path / "tune.musicxml").write_text(SCORE, encoding="utf-8")
    done = perform("tune.musicxml", "--model", model, "--genre", "all", "--picture", "roll.png", "--json")
    assert done.status == 0, done.err
    report = json.loads(done.out)
    assert [row["output"] for row in report["performances"]] == ["tune-calm.mid", "tune-wild.mid"]
    soft, loud = report["markings"]
    assert (soft["marking"], soft["notes"], soft["written"]) == ("p", 4, 48)
    assert (loud["marking"], loud["notes"], loud["written"]) == ("f", 5, 96)
    velocity = midi_file.read((tmp_path / "tune-wild.mid").read_bytes()).notes.velocity
    assert loud["performed"]["wild"] == round(float(velocity[4:].mean()), 1)
    assert (tmp_path / "roll.png").read_bytes().startswith(b"\x89PNG")
    kept = perform("tune.musicxml", "--flat", "--keep-accents", "1", "--out", "kept.mid")
    assert [line.split() for line in kept.out.splitlines()[1:]] == [
        ["marking", "notes", "written", "flat"],
        ["p", "4", "48", "16"],
        ["f", "5", "96", "64"],
    ]
