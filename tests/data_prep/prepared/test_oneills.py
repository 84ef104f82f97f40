"""Prepared corpora of all tunes of O'Neill's."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_prep.melodies.description import describe
from data_prep.prepared.corpus import Prepared, open_test_set, prepare

# all tests of this module prepare 2007 tunes
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def plain(shared_cache: Path) -> Prepared:
    return prepare("oneills", cache=shared_cache, processes=1)


@pytest.fixture(scope="session")
def everything(shared_cache: Path) -> Prepared:
    return prepare("oneills-all", cache=shared_cache, processes=1)


def test_the_default_corpus_is_931_plain_tunes(plain: Prepared) -> None:
    assert plain.num_read == 2007
    assert [skipped.file for skipped in plain.skipped] == ["0732-0758_bs.abc#745", "0732-0758_mh.abc#745"]
    assert all(skipped.reason.endswith("got K:Bn") for skipped in plain.skipped)  # a mistake of the transcriber
    assert plain.data.num_pieces + plain.num_test_pieces == 931
    assert plain.num_read - sum(plain.left_out.values()) == 931
    assert plain.left_out["duplicates"] == 91
    assert plain.left_out["grace notes"] == 642
    assert not plain.data.in_chord.any()
    assert plain.data.pitch.min() >= 0
    assert plain.data.one_key.all()


def test_all_of_oneills_is_kept(everything: Prepared) -> None:
    assert everything.left_out == {}
    assert everything.data.num_pieces + everything.num_test_pieces == everything.num_read == 2007
    assert (everything.data.pitch < 0).any()
    assert everything.data.in_chord.any()


@pytest.mark.parametrize("name", ["plain", "everything"])
def test_folds_are_balanced_and_do_not_split_groups(name: str, request: pytest.FixtureRequest) -> None:
    prepared: Prepared = request.getfixturevalue(name)
    data = prepared.data
    notes = np.bincount(data.fold[data.piece_of_note], minlength=4)
    assert notes.max() / notes.min() < 1.01
    assert abs(prepared.num_test_notes / (prepared.num_test_notes + data.num_notes) - 0.1) < 0.01
    groups: dict[int, set[int]] = {}
    for origin, fold in zip(prepared.origins, data.fold.tolist(), strict=True):
        groups.setdefault(origin.group, set()).add(fold)
    assert all(len(folds) == 1 for folds in groups.values())


def test_settings_of_the_same_tune_are_in_one_fold_or_in_the_test_set(everything: Prepared) -> None:
    test_set = open_test_set(everything, "a test of the settings")
    folds_of_tune: dict[str, list[int]] = {}
    for ids, folds in ((everything.data.ids, everything.data.fold), (test_set.ids, test_set.fold)):
        for name, fold in zip(ids, folds.tolist(), strict=True):
            folds_of_tune.setdefault(name.split("#")[1], []).append(fold)
    several = [folds for folds in folds_of_tune.values() if len(folds) > 1]
    assert len(several) == 170
    assert all(len(set(folds)) == 1 for folds in several)


def test_a_warm_start_takes_less_than_a_second_and_no_music21(plain: Prepared, shared_cache: Path) -> None:
    code = (
        "import time; begin = time.perf_counter()\n"
        "import sys; from data_prep.prepared.corpus import prepare\n"
        "prepared = prepare('oneills')\n"
        "print(time.perf_counter() - begin, 'music21' in sys.modules, 'pyarrow' in sys.modules, prepared.fingerprint)"
    )
    environment = {**os.environ, "TUNESMITH_CACHE": str(shared_cache)}
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        for _ in range(3)
    ]
    outputs = [run.stdout.split() for run in runs]
    assert {tuple(words[1:]) for words in outputs} == {("False", "False", plain.fingerprint)}
    assert min(float(words[0]) for words in outputs) < 1


def test_the_description_of_the_default_corpus(plain: Prepared) -> None:
    description = describe(plain)
    assert description.num_pieces == plain.data.num_pieces
    assert description.num_rests == 0
    assert sum(description.durations.values()) == description.num_notes == plain.data.num_notes
    assert sum(description.metres.values()) == sum(description.tonics.values()) == description.num_pieces
    assert sum(fold.notes for fold in description.folds) == description.num_notes
    assert description.shortest <= description.median <= description.longest
    assert next(iter(description.metres)) == "6/8"
    assert description.num_tokens < description.num_tokens_with_position
    assert 48 <= description.lowest < description.highest <= 96
