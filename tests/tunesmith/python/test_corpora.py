"""Corpora and single trials in Python."""

# notebooks call _repr_html_:
# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false

import json
from pathlib import Path
from typing import Any

import pretty_midi
import pytest

import tunesmith
from data_prep.errors import BadInputError
from data_prep.randomness import stream
from tunesmith.cli import run
from tunesmith.python.corpora import LoadedCorpus

TINY: dict[str, Any] = {"size": 4, "embedding": 4, "epochs": 2}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tunes").mkdir()
    for number in range(24):
        random = stream(0, "a tune", trial=number)
        bars = "|".join("".join(random.choice(list("DEFGABcd"), 8)) for _ in range(8))
        text = f"X:1\nT:Tune {number}\nM:4/4\nL:1/8\nK:D\n{bars}|]\n"
        (tmp_path / "tunes" / f"{number}.abc").write_text(text)
    return tmp_path / "tunes"


def test_a_corpus_is_that_of_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tunesmith.corpus("tunes", folds=2, seed=3)
    assert capsys.readouterr() == ("", "")
    assert run(["data", "show", str(folder.name), "--folds", "2", "--seed", "3", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert len(corpus) == corpus.description.num_pieces == shown["num_pieces"]
    assert corpus.prepared.fingerprint == shown["fingerprint"]
    table: Any = corpus.pieces()
    assert list(table) == ["piece", "title", "composer", "notes", "fold"]
    assert table["notes"].sum() == corpus.description.num_notes
    tunes = list(corpus)
    assert [len(each.tune.pitch) for each in tunes] == list(table["notes"])
    assert {each.tune.title for each in tunes} < {f"Tune {number}" for number in range(24)}, "some are sealed"
    assert "<td" in corpus._repr_html_()


def test_a_corpus_of_performances_has_pieces_but_no_tunes(tmp_path: Path) -> None:
    for number in range(16):
        midi: Any = pretty_midi.PrettyMIDI(initial_tempo=120)
        piano: Any = pretty_midi.Instrument(0)
        for step in range(150):
            pitch, loud = 40 + (7 * step + number) % 40, 40 + (step * number) % 50
            piano.notes.append(pretty_midi.Note(loud, pitch, step / 4, (step + 1) / 4))
        midi.instruments.append(piano)
        path = tmp_path / "played" / ("soft" if number % 2 else "loud") / f"{number}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        midi.write(str(path))
    corpus = tunesmith.corpus(tmp_path / "played")
    assert isinstance(corpus, LoadedCorpus)
    table: Any = corpus.pieces()
    assert set(table["style"]) == {"loud", "soft"}
    with pytest.raises(BadInputError, match="only a corpus of melodies has tunes"):
        corpus.tunes()


@pytest.mark.usefixtures("folder")
def test_a_trial_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    trial = tunesmith.trial("composer", corpus="tunes", folds=2, settings=TINY)
    assert capsys.readouterr() == ("", "")
    words = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
    assert run(["trial", "composer", "--corpus", "tunes", "--folds", "2", *words, "--no-track", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    table: Any = trial.epochs()
    assert list(table["nats_per_note"]) == [each["metrics"]["nats_per_note"]["mean"] for each in printed["epochs"]]
    assert trial.score == table["nats_per_note"].iloc[-1]
    assert trial.standard_error == table["nats_per_note_se"].iloc[-1]
    assert trial.settings == printed["spec"]
