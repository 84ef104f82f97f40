"""``tunesmith data notes``: the notes of a file as text and JSON, and errors for unusable files."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.hand_midi import midi, strike
from tunesmith.cli import run

TUNES = """X:3
T:A [bold]tune[/bold]
M:6/8
L:1/8
K:Bb
d|{c}B3 [DFB]3|z6|
M:2/4
B4|
X:4
T:Nothing
K:C
X:5
L:1/8
K:C
c2
"""
VOICES = "X:1\nM:4/4\nL:1/4\nK:C\nV:top\ncdef|g4|\nV:low\nC4|G,4|\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tunes.abc").write_text(TUNES)
    Path("voices.abc").write_text(VOICES)
    Path("bad.mid").write_text("no music")
    Path("empty.abc").write_text("")
    metre = (0, b"\xff\x58\x04\x03\x02\x18\x08")
    played = [metre, *strike(61, 0, 100, velocity=64), *strike(60, 40, 120, velocity=7), *strike(72, 360, 361)]
    Path("played.mid").write_bytes(midi(played))


def _json(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, Any]:
    assert run(["data", "notes", *arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_json_has_every_note_and_the_skipped_tunes(capsys: pytest.CaptureFixture[str]) -> None:
    first = [
        ["0", 74, "1/2"],
        ["1/2", 72, "0"],
        ["1/2", 70, "3/2"],
        ["2", 70, "3/2"],
        ["7/2", None, "3"],
        ["13/2", 70, "2"],
    ]
    assert _json(capsys, "tunes.abc") == {
        "pieces": [
            {"title": "A [bold]tune[/bold]", "voice": "", "notes": first},
            {"title": "5", "voice": "", "notes": [["0", 72, "1"]]},
        ],
        "skipped": [{"title": "4", "reason": "there are no notes in it"}],
    }


def test_json_has_every_voice(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _json(capsys, "voices.abc")
    assert [(voice["title"], voice["voice"], len(voice["notes"])) for voice in shown["pieces"]] == [
        ("1", "top", 5),
        ("1", "low", 2),
    ]


def test_json_of_a_performance_has_exact_ticks_and_velocities(capsys: pytest.CaptureFixture[str]) -> None:
    notes = [["0", 61, "5/6", 64], ["1/3", 60, "2/3", 7], ["3", 72, "1/120", 80]]
    assert _json(capsys, "played.mid", "--performance") == {
        "pieces": [{"title": "", "voice": "", "notes": notes}],
        "skipped": [],
    }


def test_text_numbers_bars_from_the_pickup_under_each_metre(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "notes", "tunes.abc"]) == 0
    printed = capsys.readouterr()
    assert [line.strip() for line in printed.out.splitlines()] == [
        "A [bold]tune[/bold] (6/8, 2/4, Bb major, 4 notes)",
        "0  D5:1/2",
        "1  C5:0 Bb4:3/2 Bb4+2:3/2",
        "2  z:3",
        "3  Bb4:2",
        "5 (no metre, C major, 1 note)",
        "1  C5:1",
    ]
    assert printed.err == "skipped 4: there are no notes in it\n"


def test_text_of_a_performance_has_positions_in_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "notes", "played.mid", "--performance"]) == 0
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        "3/4, 120 ticks per quarter note, 3 notes",
        "1  C#4:5/6 at 0 v64, C4:2/3 at 1/3 v7,",
        "2  C5:1/120 at 0 v80,",
    ]


@pytest.mark.parametrize("option", [[], ["--performance"]])
def test_a_file_that_cannot_be_read_has_exit_status_2_and_a_reason(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "it is not a MIDI file: it does not begin with MThd"
    assert _json(capsys, "bad.mid", *option, status=2) == {
        "pieces": [],
        "skipped": [{"title": "", "reason": reason}],
    }
    assert run(["data", "notes", "bad.mid", *option]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"skipped bad.mid: {reason}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("missing.abc", "a file of music must be an existing file: missing.abc is not"),
        ("text.txt", "a file of music ends in .abc, .krn"),
        (".", "a file of music is a file: '.' is a folder"),
        ("tunes.abc --performance", "a performance ends in .mid, .midi: got 'tunes.abc'"),
    ],
)
def test_invalid_files_are_reported_in_one_line(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "notes", *arguments.split()]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert len(printed.err.splitlines()) == 1
    assert printed.out == ""


def test_repeats_are_shown_as_written_or_as_played(capsys: pytest.CaptureFixture[str]) -> None:
    Path("repeats.abc").write_text("X:1\nM:2/4\nL:1/4\nK:C\n|:CD|1E2:|2F2|]\n")
    assert run(["data", "notes", "repeats.abc"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["    1  C4:1 D4:1", "    2  E4:2", "    3  F4:2"]
    assert run(["data", "notes", "repeats.abc", "--repeats", "played"]) == 0
    bars = ["C4:1 D4:1", "E4:2", "C4:1 D4:1", "F4:2"]
    assert capsys.readouterr().out.splitlines()[1:] == [f"    {number}  {bar}" for number, bar in enumerate(bars, 1)]
    assert run(["data", "notes", "repeats.abc", "--repeats", "danced"]) == 2
    assert "no reading of repeats is called 'danced'" in capsys.readouterr().err
