"""Scoring of baselines by another process during a search."""

import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from data_prep.corpora.named import corpora
from data_prep.corpora.provenance import Prepared
from data_prep.prepared.corpus import prepare
from models.families import FAMILIES
from tunesmith.searching import baseline_cache
from tunesmith.searching.baseline_scoring import RemainingWork, Scoring

NAMES = ["uniform", "unigram", "Kneser-Ney bigram", "Kneser-Ney trigram", "Kneser-Ney trigram + copy"]


@pytest.fixture
def tunes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "tunes"
    folder.mkdir()
    shutil.copy(next(path for path in corpora()["oneills"].files() if path.name == "0001-0050.abc"), folder)
    return prepare(str(folder), processes=1)


def test_baselines_are_scored_once_for_the_same_data(tunes: Prepared, capsys: pytest.CaptureFixture[str]) -> None:
    with Scoring("composer", tunes) as scoring:
        assert scoring.process is not None
        scored = scoring.wait(None)
    assert scored == FAMILIES["composer"].baselines(tunes.data)
    assert scored is not None
    assert [baseline.name for baseline in scored] == NAMES
    assert (scoring.reason, scoring.interrupted, scoring.seconds_left) == ("", False, 0.0)
    assert "scoring the baselines" in capsys.readouterr().err
    with Scoring("composer", tunes) as again:
        assert again.process is None, "cached scores need no process"
        assert again.wait(None) == scored
    assert capsys.readouterr().err == ""


def test_a_time_limit_is_reported(tunes: Prepared) -> None:
    with Scoring("composer", tunes) as scoring:
        process = scoring.process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        assert scoring.wait(0.0) is None
    assert scoring.reason == "the search's time is up"
    assert process.returncode == -signal.SIGKILL, "the process is killed"
    assert baseline_cache.read("composer", tunes.fingerprint) is None


def test_ctrl_c_ends_only_the_wait(tunes: Prepared) -> None:
    with Scoring("composer", tunes) as scoring:
        assert scoring.process is not None
        scoring.process.send_signal(signal.SIGSTOP)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        assert scoring.wait(None) is None
    assert scoring.interrupted
    assert scoring.reason == "interrupted by Ctrl-C"


def test_a_process_that_dies_or_fails_is_reported(tunes: Prepared) -> None:
    with Scoring("composer", tunes) as scoring:
        assert scoring.process is not None
        scoring.process.kill()
        assert scoring.wait(None) is None
    assert scoring.reason == "the process that scored them was killed"
    tunes.source.path.write_bytes(b"no such file")
    with Scoring("composer", tunes) as failing:
        assert failing.wait(None) is None
    assert tunes.source.path.name in failing.reason


def test_the_process_ends_with_the_search(tunes: Prepared) -> None:
    with Scoring("composer", tunes) as scoring:
        process = scoring.process
        assert process is not None
    assert process.returncode is not None


def test_remaining_steps_are_assumed_to_be_as_slow_as_the_slowest() -> None:
    work = RemainingWork(8)
    assert work.seconds_left == 0, "no step has been timed yet"
    work.step(1.5)
    work.step(2.0)
    assert work.seconds_left == 6 * 1.5
    for seconds in (2.5, 3.0, 3.5, 4.0, 4.5, 5.0):
        work.step(seconds)
    assert work.seconds_left == 0
