"""A refit on real tunes and its test, which runs once and whose result is stored."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data_prep.corpora.named import corpora
from data_prep.corpora.provenance import Prepared
from data_prep.errors import BadInputError
from data_prep.prepared.corpus import prepare
from models.families import FAMILIES
from models.training import checkpoint
from search.promotion.refit import RefitInputs, refit
from search.promotion.sealed_test import recorded, run_test

if TYPE_CHECKING:
    from models.family import EpochReport

COMPOSER = FAMILIES["composer"]
SPEC = COMPOSER.spec_type.from_values({"size": 8, "embedding": 8, "epochs": 3})


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("tunes")
    shutil.copy(next(path for path in corpora()["oneills"].files() if path.name == "0001-0050.abc"), folder)
    return prepare(str(folder), cache=tmp_path_factory.mktemp("cache"), processes=1)


def made(tunes: Prepared, path: Path, epochs: int = 2, networks: int = 1) -> list[int]:
    reported: list[EpochReport] = []
    inputs = RefitInputs(1, 5, "composer", epochs, tunes.fingerprint, networks)
    refit(COMPOSER, SPEC, tunes.data, path, inputs, "cpu", reported.append)
    return [report.epoch for report in reported]


def test_a_refit_stops_at_its_epoch_and_is_repeated_only_for_other_inputs(tunes: Prepared, tmp_path: Path) -> None:
    path = tmp_path / "promoted" / "trial-00005.pt"
    assert made(tunes, path) == [1, 2]
    first = checkpoint.load(path)
    assert first.extra["epochs"] == 2
    assert all(len(weight) == 1 for weight in first.training.values())
    assert made(tunes, path) == []
    assert made(tunes, path, epochs=1) == [1]
    assert checkpoint.load(path).extra["epochs"] == 1
    assert made(tunes, path, epochs=1, networks=3) == [1]
    three = checkpoint.load(path)
    assert three.extra["parameters"] == 3 * first.extra["parameters"]
    assert all(len(weight) == 3 for weight in three.training.values())


def test_the_test_set_is_opened_once_and_the_result_is_stored(tunes: Prepared, tmp_path: Path) -> None:
    path, search = tmp_path / "model.pt", tmp_path / "search"
    search.mkdir()
    made(tunes, path)
    assert recorded(search) is None
    log = tunes.source.path.with_suffix(".test.openings")
    assert not log.exists()
    result = run_test(COMPOSER, tunes, path, search, name="tiny/5", trial=5, networks=1)
    (opening,) = map(json.loads, log.read_text().splitlines())
    assert opening["reason"] == "promotion of tiny/5"
    assert recorded(search) == result
    assert len(result.scores.ids) == tunes.num_test_pieces
    assert not set(result.scores.ids) & set(tunes.data.ids)
    assert np.isfinite(result.scores.values).all()
    uniform = result.baselines["uniform"]
    assert 0 < result.scores.mean < uniform
    assert (result.trial, result.fingerprint) == (5, tunes.fingerprint)


@pytest.mark.parametrize(
    ("content", "words"),
    [("no JSON", "is damaged"), ('{"format": 1}', "is damaged"), ('{"format": 99}', "upgrade tunesmith")],
)
def test_an_unreadable_result_is_refused(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text(content)
    with pytest.raises(BadInputError, match=words):
        recorded(tmp_path)


def test_the_stored_scores_equal_the_result(tunes: Prepared, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    made(tunes, path, epochs=1)
    result = run_test(COMPOSER, tunes, path, tmp_path, name="tiny/5", trial=5, networks=1)
    stored = json.loads((tmp_path / "test.json").read_text())
    assert stored["scores"]["values"] == list(result.scores.values)
