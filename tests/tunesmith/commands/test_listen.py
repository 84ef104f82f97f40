"""``tunesmith listen``: from performances to results, and bad input in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import hand_midi
from tests.models import trained_stylenets
from tests.tunesmith.listening.answering import find_human, lines_of, loaded, write_answers
from tests.tunesmith.listening.conftest import write_performances
from tunesmith.cli import run

MAKE = "listen make played --out test --practice 0"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TUNESMITH_HOME", raising=False)


@pytest.fixture
def played(tmp_path: Path) -> Path:
    return write_performances(tmp_path / "played", 2)


def words(command: str) -> list[str]:
    return [*command.split()]


def error_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail, and return its error."""
    assert run(words(command)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    errors = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    return errors[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--pieces 1", "a listening test has at least two pieces, since judgements of one say nothing about others"),
        ("--pieces 61", "a listener hears at most 60 pieces"),
        ("--conditions human", "a pair is the human and another condition: got human"),
        ("--conditions model,flat", "a pair is the human and another condition: got model, flat"),
        ("--conditions human,modle", "did you mean 'model'?"),
        ("--conditions human,flat,flat", "each condition is named once"),
        ("--kind ratings --conditions flat", "ratings compare at least two conditions"),
        ("--kind ratings --conditions flat,random --practice 1", "a practice item's feedback names the human"),
        ("--margin 0", "the margin (points) is from 0.1 to 49: got 0"),
        ("--margin nan", "the margin (points) is from 0.1 to 49: got nan"),
        ("--spread 0", "the spread (points) is from 1 to 100"),
        ("--power 1", "the power is from 0.1 to 0.999"),
        ("--amount nan", "the amount is a number from 0 (flat) to 100"),
        ("--seconds 10", "a passage lasts at least 30 s, since a shorter one lacks its context: got 10"),
        ("--hear nan", "clips must be played for 0 to 600 s: got nan"),
        ("--kind mushra", "Invalid value for '--kind'"),
        ("--model a.pt --trial b/1", "a model is named by --model or by --trial"),
        ("--model none.pt", "none.pt"),
    ],
)
def test_what_makes_no_test_is_refused_before_anything_is_read(
    options: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in error_of(f"{MAKE} {options}", capsys)
    assert not Path("test").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("listen make nowhere --out test --conditions human,flat", "no corpus is called 'nowhere'"),
        ("listen make empty --out test --conditions human,flat", "needs at least one MIDI file (.mid, .midi)"),
        ("listen make empty --out full", "answers are never overwritten: full has a listening test"),
        ("listen make empty --out test --conditions human,flat --practice -1", "Invalid value for '--practice'"),
        ("listen serve empty", "a test's folder has a test.json: empty/test.json cannot be read (No such file"),
        ("listen serve full", "test.json must not be edited"),
        ("listen serve empty --port 0", "Invalid value for '--port'"),
        ("listen score empty", "name a folder that was made by 'tunesmith listen make'"),
        ("listen score", "score takes the folder of a test, or --example"),
        ("listen score empty --example s2", "score takes the folder of a test, or --example: got both"),
        ("listen score --example s3", "did you mean 's2'?"),
        ("listen score --example s2 --picture a.gif", "a picture's file ends in .png, .svg, .pdf"),
    ],
)
def test_folders_that_are_no_tests_are_refused(command: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    Path("full").mkdir()
    Path("full/test.json").write_text('{"format": 2}')
    assert message in error_of(command, capsys)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("played")
def test_a_model_is_tested_from_its_file_to_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained_stylenets.trained(tmp_path / "note.pt", view="note")
    ratings = f"{MAKE} --kind ratings --pieces 2 --model note.pt"
    assert "name one with --genre: calm, wild" in error_of(ratings, capsys)
    assert not Path("test").exists()
    assert run(words(f"{ratings} --genre calm --json")) == 0
    printed = capsys.readouterr()
    made = json.loads(printed.out)
    assert (made["kind"], made["items"], made["per_listener"]) == ("ratings", 2, 2)
    assert made["plan"]["judgements"] == 54
    assert "unknown which pieces the model has seen" in printed.err
    assert "a listening test is written to a new folder" in error_of(f"{ratings} --genre calm", capsys)
    test, key = loaded(Path("test"))
    assert sorted(key.clips.values()) == sorted(["human", "model", "flat", "random"] * 2)
    assert key.model == "note.pt"
    files = [write_answers(Path(f"{number}.jsonl"), lines_of(test, key, number, _rate)) for number in range(3)]
    assert "at least 2 listeners" in error_of("listen score test", capsys)
    assert "at least 2 listeners" in error_of("listen score test 0.jsonl", capsys)
    assert run(["listen", "score", "test", *map(str, files), "--picture", "results.png", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert [each["estimate"]["mean"] for each in results["comparisons"]] == [10, 20, 30]
    assert Path("results.png").stat().st_size > 10_000
    assert run(["listen", "score", "test", *map(str, files)]) == 0
    assert "human and random: 6 judgements of 3 listeners on 2 items" in capsys.readouterr().out


def _rate(conditions: list[str], _: int) -> list[int]:
    return [90 - 10 * ["human", "model", "flat", "random"].index(each) for each in conditions]


@pytest.mark.slow
@pytest.mark.usefixtures("played")
def test_pairs_are_made_exported_and_scored(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words(f"{MAKE} --pieces 2 --conditions human,flat")) == 0
    assert "planned: 215 independent judgements of each comparison, at least 108 listeners" in capsys.readouterr().out
    assert run(["listen", "serve", "test", "--export", "page"]) == 0
    assert "listen score test answers-*.jsonl" in capsys.readouterr().out
    assert "never overwritten: page exists" in error_of("listen serve test --export page", capsys)
    test, key = loaded(Path("test"))
    lines = [line for number in range(4) for line in lines_of(test, key, number, find_human)]
    write_answers(Path("test/answers.jsonl"), lines)
    text = _out("listen score test", capsys)
    assert "human found   8" in text
    assert "100.0 (63.1 to 100.0) %" in text
    other = {**lines[1], "test": "0123456789abcdef"}
    write_answers(Path("other.jsonl"), [other])
    assert "it is about another test" in error_of("listen score test other.jsonl", capsys)
    assert "given twice" in _out("listen score test test/answers.jsonl", capsys)
    key_file = json.loads(Path("test/key.json").read_text())
    Path("test/key.json").write_text(json.dumps({**key_file, "test": "0123456789abcdef"}))
    assert "a key belongs to the test in its folder" in error_of("listen score test", capsys)


def _out(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(words(command)) == 0
    return capsys.readouterr().out


@pytest.mark.slow
def test_tunes_are_rated_without_a_human(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_performances(tmp_path / "played", 2, velocities=1)
    (folder / "violin.mid").write_bytes(hand_midi.midi([(0, b"\xc0\x28"), *hand_midi.strike(60, 0, 100)]))
    refused = error_of(f"{MAKE} --conditions human,flat --pieces 2", capsys)
    assert "at least 20 are needed" in refused
    assert run(words(f"{MAKE} --kind ratings --conditions flat,random --pieces 2")) == 0
    test, key = loaded(Path("test"))
    answers: Any = [
        line
        for number in range(4)
        for line in lines_of(
            test, key, number, lambda conditions, _: [70 if each == "flat" else 20 for each in conditions]
        )
    ]
    write_answers(Path("test/answers.jsonl"), answers)
    assert "different: the first is rated higher" in _out("listen score test", capsys)


def test_published_counts_are_scored(capsys: pytest.CaptureFixture[str]) -> None:
    text = _out("listen score --example s2", capsys)
    assert "53.1 (48.4 to 57.8) %" in text
    assert "no evidence that the versions are indistinguishable" in text
    data = json.loads(_out("listen score --example s2 --json", capsys))
    assert data["plan"]["judgements"] == 215
    assert len(data["comparisons"]) == 4
