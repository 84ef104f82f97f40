"""Sealed tunes that are scored as new pieces have the scores of the sealed test, as do the baselines."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from data_prep.corpora.named import corpora
from data_prep.corpora.provenance import Prepared
from data_prep.errors import BadInputError
from data_prep.prepared.corpus import open_test_set, prepare
from models.families import FAMILIES
from search.promotion.refit import RefitInputs, refit
from search.promotion.scoring import score_model
from search.promotion.sealed_test import run_test

COMPOSER = FAMILIES["composer"]
SPEC = COMPOSER.spec_type.from_values({"size": 8, "embedding": 8, "epochs": 2, "beat": "input", "transpose": True})


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("tunes")
    shutil.copy(next(path for path in corpora()["oneills"].files() if path.name == "0001-0050.abc"), folder)
    return prepare(str(folder), cache=tmp_path_factory.mktemp("cache"), processes=1)


@pytest.fixture(scope="module")
def model(tunes: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "trial-00005.pt"
    inputs = RefitInputs(seed=1, trial=5, family="composer", epochs=2, fingerprint=tunes.fingerprint, networks=2)
    refit(COMPOSER, SPEC, tunes.data, path, inputs, "cpu", lambda _: None)
    return path


def sealed_in_files(tunes: Prepared, folder: Path) -> Prepared:
    """Write the lines of the sealed tunes to files and read these as a separate corpus."""
    (source,) = Path(tunes.data.corpus).iterdir()
    texts = source.read_text(encoding="latin-1").split("\nX:")[1:]
    (folder / "new").mkdir()
    for name in open_test_set(tunes, "a test of scoring").ids:
        number = name.partition("#")[2]
        (text,) = [text for text in texts if text.split()[0] == number]
        (folder / "new" / f"{number}.abc").write_text(f"X:{text}\n", encoding="latin-1")
    return prepare(str(folder / "new"), num_folds=None, cache=folder / "cache", processes=1)


def test_sealed_tunes_in_files_have_the_scores_of_the_sealed_test(tunes: Prepared, model: Path, tmp_path: Path) -> None:
    new = sealed_in_files(tunes, tmp_path)
    assert (new.num_test_pieces, new.data.num_folds, set(new.data.fold.tolist())) == (0, 1, {0})
    test = run_test(COMPOSER, tunes, model, tmp_path, name="tiny/5", trial=5, networks=2)
    scored = score_model(COMPOSER, model, new.data, tunes.data)
    assert scored.seen == ()
    theirs = dict(zip([name.partition("#")[2] for name in test.scores.ids], test.scores.values, strict=True))
    mine = dict(zip([name.partition("#")[2] for name in scored.scores.ids], scored.scores.values, strict=True))
    assert mine == pytest.approx(theirs, rel=1e-6)
    assert scored.scores.standard_error == pytest.approx(test.scores.standard_error, rel=1e-5)
    assert {each.name: each.scores.mean for each in scored.baselines} == pytest.approx(dict(test.baselines), rel=1e-9)
    for each in scored.baselines:
        assert each.difference.mean == pytest.approx(scored.scores.mean - each.scores.mean)
    alone = score_model(COMPOSER, model, new.data, None)
    assert (alone.scores, alone.baselines, alone.seen) == (scored.scores, (), None)


def test_seen_pieces_are_left_out_unless_keep_seen_is_set(tunes: Prepared, model: Path) -> None:
    everything = prepare(tunes.data.corpus, num_folds=None, cache=tunes.source.path.parents[1], processes=1)
    scored = score_model(COMPOSER, model, everything.data, tunes.data)
    assert scored.seen is not None
    assert set(scored.seen) == set(tunes.data.ids)
    assert set(scored.scores.ids) == set(open_test_set(tunes, "a test of scoring").ids)
    with_seen = score_model(COMPOSER, model, everything.data, tunes.data, keep_seen=True)
    assert set(with_seen.scores.ids) == set(everything.data.ids)
    assert (with_seen.seen, with_seen.seen_left_out) == (scored.seen, False)
    values = dict(zip(with_seen.scores.ids, with_seen.scores.values, strict=True))
    np.testing.assert_allclose([values[name] for name in scored.scores.ids], scored.scores.values, rtol=1e-6)
    with pytest.raises(BadInputError, match=r"all 44 of .* are in its training corpus"):
        score_model(COMPOSER, model, tunes.data, tunes.data)
