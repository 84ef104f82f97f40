"""The other named corpora."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from data_prep.corpora.named import corpora
from data_prep.melodies.description import describe
from data_prep.prepared.corpus import prepare
from data_prep.readers import cached as reading
from tests.data_prep.conftest import only


@pytest.mark.slow
@pytest.mark.parametrize(("name", "num_read", "num_kept"), [("ryans", 1059, 1042), ("airds", 1193, 1190)])
def test_a_corpus_of_tunes(name: str, num_read: int, num_kept: int, tmp_path: Path) -> None:
    prepared = prepare(name, cache=tmp_path, processes=1)
    description = describe(prepared)
    assert prepared.skipped == ()
    assert description.num_read == num_read
    assert (
        description.num_pieces + description.num_test_pieces
        == num_read - sum(description.left_out.values())
        == num_kept
    )
    assert max(fold.notes for fold in description.folds) / min(fold.notes for fold in description.folds) < 1.01
    assert len(description.folds) == 4


def test_chorales_keep_the_four_voices_of_a_score_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bach"
    folder.mkdir()
    # 1.6 has a horn in addition to the four voices, 846 is a prelude for the keyboard
    for number in ("1.6", "846", "10.7", "101.7", "102.7", "103.6", "104.6", "108.6", "11.6"):
        shutil.copy(corpora()["chorales"].folder / f"bwv{number}.mxl", folder)
    few = replace(corpora()["chorales"], folder=folder)
    monkeypatch.setattr("data_prep.prepared.corpus.resolve", only(few))
    prepared = prepare("chorales", cache=tmp_path / "cache", processes=1)
    assert prepared.left_out == {"too short": 0, "not in four parts": 8, "duplicates": 0}
    assert prepared.data.num_pieces + prepared.num_test_pieces == 7 * 4
    folds: dict[str, set[int]] = {}
    parts: dict[str, set[str]] = {}
    for name, fold in zip(prepared.data.ids, prepared.data.fold.tolist(), strict=True):
        score, part = name.split(":")
        folds.setdefault(score, set()).add(fold)
        parts.setdefault(score, set()).add(part)
    assert all(len(of_score) == 1 for of_score in folds.values())
    assert all(of_score == {"Soprano", "Alto", "Tenor", "Bass"} for of_score in parts.values())


def test_prepared_data_does_not_depend_on_the_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WORTH_A_POOL", 0)
    folder = tmp_path / "tunes"
    folder.mkdir()
    for file in ("0501-0550.abc", "0626-0635.abc", "0701-0720.abc"):
        shutil.copy(corpora()["oneills"].folder / file, folder)
    serial = prepare(str(folder), cache=tmp_path / "one", processes=1)
    parallel = prepare(str(folder), cache=tmp_path / "two", processes=2)
    assert parallel.fingerprint == serial.fingerprint
    assert parallel.source.hash == serial.source.hash
