"""Corpora whose repeats are read as played, with their own cache entries, fingerprints and folds."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from data_prep.corpora.named import resolve
from data_prep.errors import BadInputError
from data_prep.prepared.corpus import Prepared, prepare
from data_prep.readers.cached import read_all, read_file
from data_prep.readers.digest import file_digest
from data_prep.readers.scores import REPEATS
from tests.data_prep.conftest import only


@pytest.fixture
def tunes(folder_of_tunes: Callable[[int], Path]) -> Path:
    """Return a folder of twelve tunes with two repeated parts each."""
    folder = folder_of_tunes(12)
    for path in folder.iterdir():
        head, _, music = path.read_text().rpartition("K:G\n")
        first, second, third, fourth = music.removesuffix("|]\n").split("|")
        path.write_text(f"{head}K:G\n|:{first}|{second}:|{third}|1{fourth}:|2{third}|]\n")
    return folder


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., Prepared]:
    """Return a function that prepares a folder with a cache of the test."""

    def make(folder: Path, repeats: str = "written", kind: str = "melodies") -> Prepared:
        return prepare(str(folder), kind=kind, repeats=repeats, num_folds=2, cache=tmp_path / "cache", processes=1)

    return make


def test_each_reading_has_its_own_data_and_folds(tunes: Path, prepared: Callable[..., Prepared]) -> None:
    written, played = prepared(tunes), prepared(tunes, "played")
    assert (written.repeats, played.repeats) == ("written", "played")
    assert written.fingerprint != played.fingerprint
    assert written.data.num_notes + written.num_test_notes == 12 * 40
    assert played.data.num_notes + played.num_test_notes == 12 * 64
    assert written.data.num_pieces + written.num_test_pieces == played.data.num_pieces + played.num_test_pieces == 12
    assert {*played.data.ids, *written.data.ids} <= {f"{path.name}#1" for path in tunes.iterdir()}
    for corpus in (written, played):
        folds_of = {
            (origin.group, fold) for origin, fold in zip(corpus.origins, corpus.data.fold.tolist(), strict=True)
        }
        assert len(folds_of) == len({origin.group for origin in corpus.origins})


def test_each_reading_is_cached(tunes: Path, tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    first = prepared(tunes, "played")
    assert prepared(tunes).fingerprint == prepare(str(tunes), num_folds=2, cache=tmp_path / "other").fingerprint
    assert len([*(tmp_path / "cache" / "notes").iterdir()]) == 24
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")}
    assert prepared(tunes, "played").source.hash == first.source.hash
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")} == times
    path = next(tunes.iterdir())
    assert file_digest(path) == file_digest(path, "written") != file_digest(path, "played")


def test_a_file_that_changes_while_it_is_read_is_not_cached(tunes: Path, tmp_path: Path) -> None:
    class Changing:
        """Change all files when the reading starts."""

        def start(self, total: int, what: str) -> None:
            del total, what
            for path in tunes.iterdir():
                path.write_text(path.read_text().replace("T:", "T:other "))

        def advance(self, n: int) -> None:
            pass

        def finish(self) -> None:
            pass

    digests = {path: file_digest(path, "played") for path in tunes.iterdir()}
    readings = read_all(digests, tmp_path / "cache", Changing(), 1, repeats="played")
    assert {reading.unread[0].reason for reading in readings.values()} == {"it was changed while it was read"}


def test_midi_files_have_no_repeats(
    folder_of_performances: Callable[..., Path], prepared: Callable[..., Prepared]
) -> None:
    folder = folder_of_performances(4)
    written, played = (prepared(folder, repeats, "performances") for repeats in ("written", "played"))
    assert written.fingerprint == played.fingerprint
    path = next(path for path in folder.rglob("*.mid"))
    assert file_digest(path, "played") == file_digest(path)
    assert read_file(path, "played").pieces[0].num_timed == read_file(path).pieces[0].num_timed


def test_rendered_scores_are_read_with_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: Callable[..., Prepared]
) -> None:
    synthetic = resolve("synthetic")
    folder = tmp_path / "scores"
    folder.mkdir()
    for name in ("bwv104.6.mxl", "bwv102.7.mxl", "bwv10.7.mxl"):
        shutil.copy(synthetic.folder / name, folder)
    num_notes: list[int] = []
    monkeypatch.setattr("data_prep.prepared.corpus.resolve", only(replace(synthetic, folder=folder, every=1)))
    for repeats in REPEATS:
        corpus = prepared(Path("synthetic"), repeats, "performances")
        num_notes.append(corpus.data.num_notes + corpus.num_test_notes)
    assert num_notes[0] < num_notes[1]


def test_an_unknown_reading_of_repeats_is_rejected_in_one_line() -> None:
    with pytest.raises(BadInputError, match=r"^no reading of repeats is called 'playd'; did you mean 'played'\?$"):
        resolve("oneills", "playd")
    assert resolve("oneills", "played").repeats == "played"
    assert resolve("oneills").repeats == "written"
