"""``tunesmith perform`` on hand-made files: the reported changes, and errors."""

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from data_prep.readers.midi import files as midi_file
from data_prep.tunes.notation import Tune
from data_prep.writers.midi import to_bytes, to_pretty_midi
from models.uses.performing import played
from tests import hand_midi
from tests.hand_tunes import REEL, THIRD
from tests.models import trained_stylenets
from tunesmith.cli import run

NOTES = [event for step in range(48) for event in hand_midi.strike(60 + step % 5, 60 * step, 60 * step + 50)]
VIOLIN = (0, b"\xc0\x28")
ONE = Fraction(1)


@dataclass(frozen=True)
class Done:
    """The result of a command."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of each view: note.pt and grid.pt."""
    folder = tmp_path_factory.mktemp("models")
    for view in ("note", "grid"):
        trained_stylenets.trained(folder / f"{view}.pt", view=view)
    return folder


@pytest.fixture
def perform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the command on a file, in.mid, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(data: bytes, *arguments: str) -> Done:
        (tmp_path / "in.mid").write_bytes(data)
        status = run(["perform", "in.mid", "--out", "out.mid", "--force", *arguments])
        printed = capsys.readouterr()
        return Done(status, printed.out, " ".join(printed.err.split()))

    return command


def _num_different(folder: Path) -> int:
    before, after = (np.frombuffer((folder / name).read_bytes(), np.uint8) for name in ("in.mid", "out.mid"))
    return int(np.count_nonzero(before != after))


@pytest.mark.parametrize("tracks", [(NOTES,), ([(1200, VIOLIN[1])], NOTES)], ids=["all", "a violin from the middle on"])
def test_the_number_of_changed_velocities_is_reported(
    tracks: tuple[list[tuple[int, bytes]], ...], perform: Callable[..., Done], tmp_path: Path
) -> None:
    done = perform(hand_midi.midi(*tracks), "--flat", "--json")
    assert done.status == 0, done.err
    (row,) = json.loads(done.out)["performances"]
    assert row["changed"] == _num_different(tmp_path) == (48 if len(tracks) == 1 else 20)
    again = perform((tmp_path / "out.mid").read_bytes(), "--flat")
    assert "flat: 0 velocities changed; now 64 to 64" in again.out
    random = json.loads(perform(hand_midi.midi(*tracks), "--random", "--json").out)["performances"][0]
    assert random["changed"] == _num_different(tmp_path) > 10


@pytest.mark.parametrize("options", ["--flat", "--random", "--model note.pt --genre calm"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (hand_midi.midi([VIOLIN], NOTES), "there is no piano in it (programs 0 to 7): channel 1 plays program 40"),
        (hand_midi.midi([VIOLIN, *NOTES]), "there is no piano in it (programs 0 to 7): channel 1 plays program 40"),
        (hand_midi.midi([]), "there are no notes in it"),
        (hand_midi.midi(hand_midi.strike(120, 0, 10)), "no note in it is among a piano's 88 keys"),
    ],
    ids=["program in another track", "program", "nothing", "no key"],
)
def test_a_file_without_a_piano_is_rejected(
    data: bytes, message: str, options: str, perform: Callable[..., Done], models: Path, tmp_path: Path
) -> None:
    done = perform(data, *options.replace("note.pt", str(models / "note.pt")).split())
    assert (done.status, done.out) == (2, "")
    assert "a readable MIDI file with piano notes is needed: " in done.err
    assert "in.mid" in done.err
    assert message in done.err
    assert not (tmp_path / "out.mid").exists()


@pytest.mark.parametrize("amount", ["inf", "nan", "-inf", "-1", "1e308", "100.5"])
@pytest.mark.parametrize("options", ["--flat", "--genre calm"])
def test_invalid_amounts_are_rejected(amount: str, options: str, perform: Callable[..., Done], models: Path) -> None:
    done = perform(hand_midi.midi(NOTES), f"--amount={amount}", "--model", str(models / "note.pt"), *options.split())
    assert done.status == 2
    assert "the amount is a number from 0 (flat) to 100: got " in done.err


@pytest.mark.parametrize("mix", ["calm=inf", "calm=nan", "calm=-1,wild=3", "calm=0,wild=0", "calm=1e308,wild=1e308"])
def test_invalid_mixes_are_rejected(mix: str, perform: Callable[..., Done], models: Path) -> None:
    done = perform(hand_midi.midi(NOTES), "--mix", mix, "--model", str(models / "note.pt"))
    assert done.status == 2
    assert "the shares of a mix are not negative, and their sum is positive and finite: got " in done.err


def test_extreme_amounts_and_mixes_are_accepted(perform: Callable[..., Done], models: Path, tmp_path: Path) -> None:
    mix = f"calm=1e-308,wild={math.nextafter(0, 1)}"
    done = perform(hand_midi.midi(NOTES), "--mix", mix, "--amount", "100", "--model", str(models / "note.pt"), "--json")
    assert done.status == 0, done.err
    (row,) = json.loads(done.out)["performances"]
    assert row["changed"] == _num_different(tmp_path)


def test_a_piece_that_is_too_long_for_the_grid_is_rejected(perform: Callable[..., Done], models: Path) -> None:
    late = 120 * 200_000
    data = hand_midi.midi([*NOTES, *hand_midi.strike(60, late, late + 120)])
    done = perform(data, "--model", str(models / "grid.pt"), "--genre", "calm")
    assert done.status == 2
    assert done.err.endswith("it lasts 50001 bars of four quarter notes; at most 2048 fit on a grid (in.mid)")
    assert perform(data, "--model", str(models / "note.pt"), "--genre", "calm").status == 0
    assert perform(data, "--flat").status == 0


def test_existing_files_are_replaced_only_with_force(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.mid").write_bytes(hand_midi.midi(NOTES))
    every = ["perform", "in.mid", "--model", str(models / "note.pt"), "--genre", "all", "--picture", "roll.png"]
    assert run(every) == 0
    (tmp_path / "in-calm.mid").unlink()
    (tmp_path / "roll.png").unlink()
    kept = (tmp_path / "in-wild.mid").read_bytes()
    capsys.readouterr()
    assert run([*every, "--amount", "2"]) == 2
    assert "in-wild.mid exists" in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["in-wild.mid", "in.mid"]
    assert (tmp_path / "in-wild.mid").read_bytes() == kept
    assert run([*every, "--amount", "2", "--force"]) == 0
    assert (tmp_path / "in-wild.mid").read_bytes() != kept


def test_the_reported_statistics_are_those_of_the_file(
    perform: Callable[..., Done], models: Path, tmp_path: Path
) -> None:
    arguments = ("--model", str(models / "note.pt"), "--genre", "wild", "--amount", "100", "--json")
    (row,) = json.loads(perform(hand_midi.midi(NOTES), *arguments).out)["performances"]
    written = midi_file.read((tmp_path / "out.mid").read_bytes()).notes.velocity
    assert {1, 127} & set(written.tolist()), "some are clipped"
    assert (row["softest"], row["loudest"]) == (written.min(), written.max())
    assert (row["mean"], row["spread"]) == (round(float(written.mean()), 1), round(float(written.std()), 1))


@pytest.mark.parametrize(
    "tune", [REEL, replace(REEL, pickup=ONE), replace(REEL, pickup=THIRD)], ids=["full", "a quarter", "a third"]
)
def test_a_composed_tune_is_performed_without_warnings(tune: Tune, perform: Callable[..., Done], models: Path) -> None:
    data = to_bytes(to_pretty_midi(tune, program=0))
    done = perform(data, "--model", str(models / "note.pt"), "--genre", "calm")
    assert (done.status, done.err) == (0, "")
    first_bar = next(at for at in tune.onsets() if at >= tune.pickup)
    distance = np.abs(played(data).onset - float(first_bar - tune.pickup + (4 if tune.pickup else 0)))
    assert distance.min() < 1e-9


def test_a_pipe_is_rejected_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "in.mid")
    assert run(["perform", str(tmp_path / "in.mid"), "--flat"]) == 2
    assert "must be readable" in " ".join(capsys.readouterr().err.split())
