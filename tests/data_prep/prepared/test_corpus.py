"""Corpora prepared from folders, their stored files, and their test sets."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.corpora.named import resolve
from data_prep.errors import BadInputError
from data_prep.prepared import file as storage
from data_prep.prepared.corpus import Prepared, open_test_set, prepare
from data_prep.prepared.kinds import KINDS
from data_prep.readers import note_table


def _prepare(folder: Path, tmp_path: Path, num_folds: int = 4, seed: int = 0) -> Prepared:
    kind = resolve(str(folder)).likely_kind()
    return prepare(str(folder), kind=kind, cache=tmp_path / "cache", num_folds=num_folds, seed=seed)


@pytest.fixture(params=sorted(KINDS))
def folder_of_pieces(
    request: pytest.FixtureRequest,
    folder_of_tunes: Callable[..., Path],
    folder_of_performances: Callable[..., Path],
) -> Callable[[int], Path]:
    """Return a function that makes a folder "tunes" with a number of unrelated pieces of one kind of data."""

    def make(count: int) -> Path:
        if request.param == "melodies":
            return folder_of_tunes(count)
        return folder_of_performances(count, name="tunes", styles=("one",))

    return make


def test_a_folder_is_prepared_once(folder_of_tunes: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_tunes(12)
    first = _prepare(folder, tmp_path)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    again = _prepare(folder, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert again.source == first.source
    assert again.data.ids == first.data.ids
    assert first.data.corpus == str(folder)
    assert first.data.num_pieces + first.num_test_pieces == 12
    assert first.origins[0].title.startswith("Tune ")


def test_a_moved_folder_is_the_same_corpus(folder_of_pieces: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_pieces(8)
    first = _prepare(folder, tmp_path)
    moved = folder.rename(tmp_path / "elsewhere")
    again = _prepare(moved, tmp_path)
    assert (again.fingerprint, again.source) == (first.fingerprint, first.source)
    assert again.data.corpus == str(moved)


def test_files_are_not_read_again_for_another_seed_or_number_of_folds(
    folder_of_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    folder = folder_of_tunes(12)
    fingerprints = {
        _prepare(folder, tmp_path, num_folds=folds, seed=seed).fingerprint for folds, seed in ((4, 0), (4, 1), (3, 0))
    }
    assert len(fingerprints) == 3
    assert len(list((tmp_path / "cache" / "notes").iterdir())) == 12


def test_the_test_set_is_disjoint_and_its_opening_is_logged(
    folder_of_pieces: Callable[..., Path], tmp_path: Path
) -> None:
    prepared = _prepare(folder_of_pieces(20), tmp_path)
    log = prepared.source.path.with_suffix(".test.openings")
    assert not log.exists()
    sealed = open_test_set(prepared, "promotion of trial 7")
    assert sealed.num_pieces == prepared.num_test_pieces > 0
    assert not set(sealed.ids) & set(prepared.data.ids)
    assert set(sealed.fold.tolist()) == {-1}
    for alphabet in ("durations", "positions", "styles"):
        assert getattr(sealed, alphabet, None) == getattr(prepared.data, alphabet, None)
    (opening,) = map(json.loads, log.read_text().splitlines())
    assert opening["reason"] == "promotion of trial 7"


def test_the_prepared_file_names_no_piece_of_the_test_set(
    folder_of_pieces: Callable[..., Path], tmp_path: Path
) -> None:
    prepared = _prepare(folder_of_pieces(20), tmp_path)
    sealed = open_test_set(prepared, "a test of the prepared file")
    stored = prepared.source.path.read_bytes()
    assert not any(name.encode() in stored for name in sealed.ids)


def test_the_test_set_is_not_opened_without_a_reason(folder_of_pieces: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="only for a reason"):
        open_test_set(_prepare(folder_of_pieces(8), tmp_path), " ")


def test_a_missing_test_set_is_reported_and_prepared_again(
    folder_of_pieces: Callable[..., Path], tmp_path: Path
) -> None:
    prepared = _prepare(folder_of_pieces(8), tmp_path)
    prepared.source.path.with_suffix(".test.npz").unlink()
    with pytest.raises(BadInputError, match="prepare the corpus again"):
        open_test_set(prepared, "promotion")
    again = _prepare(tmp_path / "tunes", tmp_path)
    assert open_test_set(again, "promotion").num_pieces == again.num_test_pieces


def test_files_and_tunes_that_cannot_be_read_are_skipped_with_a_reason(
    folder_of_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    folder = folder_of_tunes(8)
    (folder / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\1\0")
    (folder / "mixed.abc").write_text("X:1\nM:4/4\nL:1/8\nK:C\nCDEF GABc|\nX:2\nM:4/4\nK:C\nz4|\n")
    prepared = _prepare(folder, tmp_path)
    assert prepared.num_files == 10
    assert [(skipped.file, skipped.reason) for skipped in prepared.skipped] == [
        ("broken.mid", "it is cut short: the track at byte 14 announces 256 bytes, 0 are left"),
        ("mixed.abc#2", "there are no notes in it"),
    ]
    assert _prepare(folder, tmp_path).skipped == prepared.skipped


def test_a_folder_without_a_readable_file(tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "a.mid").write_text("text")
    with pytest.raises(BadInputError, match=r"none of the 1 in .* can be, the first is a\.mid: it is not a MIDI file"):
        _prepare(folder, tmp_path)


def test_a_folder_with_only_a_midi_file_without_notes(tmp_path: Path, midi: Callable[..., bytes]) -> None:
    folder = tmp_path / "silent"
    folder.mkdir()
    (folder / "a.mid").write_bytes(midi([]))
    with pytest.raises(BadInputError, match=r"a\.mid: there are no notes in it"):
        _prepare(folder, tmp_path)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="needs at least one score"):
        _prepare(tmp_path, tmp_path)


def test_a_corpus_too_small_for_the_folds(folder_of_tunes: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="at least 5 unrelated pieces: this corpus has 3"):
        _prepare(folder_of_tunes(3), tmp_path)
    assert _prepare(tmp_path / "tunes", tmp_path, num_folds=2).data.num_folds == 2


def test_duplicates_and_short_pieces_are_left_out_and_counted(
    folder_of_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    folder = folder_of_tunes(8)
    (folder / "copy.abc").write_text((folder / "tune03.abc").read_text().replace("T:Tune 3", "T:The same"))
    (folder / "short.abc").write_text("X:1\nM:4/4\nL:1/8\nK:C\nCDE|\n")
    prepared = _prepare(folder, tmp_path)
    assert prepared.left_out == {"too short": 1, "duplicates": 1}
    assert prepared.data.num_pieces + prepared.num_test_pieces == 8


def test_a_damaged_store_is_prepared_again(folder_of_pieces: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_pieces(8)
    first = _prepare(folder, tmp_path)
    data = first.source.path.read_bytes()
    changed = (data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :] for at in range(0, len(data), len(data) // 11))
    for damaged in (b"", b"not a store", data[:-200], *changed):
        first.source.path.write_bytes(damaged)
        again = _prepare(folder, tmp_path)
        assert storage.to_bytes(again.data, {}) == storage.to_bytes(first.data, {})
        assert (again.origins, again.left_out) == (first.origins, first.left_out)


def test_a_store_with_missing_or_malformed_votes_is_prepared_again(
    folder_of_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    folder = folder_of_tunes(8)
    first = _prepare(folder, tmp_path)
    with np.load(first.source.path) as file:
        arrays = {name: file[name] for name in file.files}
    votes = arrays["votes"]
    plain = np.stack([votes[name] for name in votes.dtype.names or ()], axis=-1)
    others: list[dict[str, Any]] = [{"votes": other} for other in (plain, votes["length"], votes[:, :2], votes[:-1])]
    for changed in ({}, *others):
        np.savez(first.source.path, **{name: value for name, value in arrays.items() if name != "votes"}, **changed)
        assert storage.to_bytes(_prepare(folder, tmp_path).data, {}) == storage.to_bytes(first.data, {})


def test_a_store_of_a_newer_version_is_refused(
    folder_of_pieces: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of_pieces(8)
    with monkeypatch.context() as newer:
        newer.setattr(storage, "FORMAT", storage.FORMAT + 1)
        _prepare(folder, tmp_path)
    rule = r"reads prepared pieces up to format \d: got format \d \(.*\.npz\); upgrade tunesmith"
    with pytest.raises(BadInputError, match=rule):
        _prepare(folder, tmp_path)


def test_a_note_table_of_a_newer_version_is_refused(
    folder_of_tunes: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of_tunes(8)
    _prepare(folder, tmp_path)
    with monkeypatch.context() as newer:
        newer.setattr(note_table, "FORMAT", note_table.FORMAT + 1)
        for entry in (tmp_path / "cache" / "notes").iterdir():
            entry.write_bytes(note_table.to_bytes(note_table.from_bytes(entry.read_bytes(), "")))
    with pytest.raises(BadInputError, match=r"got format \d \(.*\.arrow\); upgrade tunesmith"):
        _prepare(folder, tmp_path, seed=1)


def test_a_full_disk(
    folder_of_pieces: Callable[..., Path], tmp_path: Path, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    folder = folder_of_pieces(8)
    with pytest.raises(BadInputError, match="No space left on device"), full_disk():
        _prepare(folder, tmp_path)
    assert _prepare(folder, tmp_path).data.num_folds == 4


def test_the_environment_variable_sets_the_cache_folder(
    folder_of_tunes: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "named"))
    assert prepare(str(folder_of_tunes(8))).source.path.is_relative_to(tmp_path / "named")


def test_an_unknown_kind_of_data() -> None:
    with pytest.raises(BadInputError, match="no kind of data is called 'melody'; did you mean 'melodies'"):
        prepare("oneills", kind="melody")


@pytest.mark.parametrize(
    ("corpus", "kind", "rule"),
    [
        ("oneills", "performances", "performances are needed: the corpus 'oneills' has melodies; .*, or synthetic"),
        ("synthetic", "melodies", "melodies are needed: the corpus 'synthetic' has performances; .*, or oneills"),
    ],
)
def test_a_corpus_of_another_kind(corpus: str, kind: str, rule: str) -> None:
    with pytest.raises(BadInputError, match=rule):
        prepare(corpus, kind=kind)


def test_the_header_of_the_store_is_json(folder_of_pieces: Callable[..., Path], tmp_path: Path) -> None:
    prepared = _prepare(folder_of_pieces(8), tmp_path)
    with np.load(prepared.source.path) as file:
        header = json.loads(file["header"].tobytes())
    assert header["format"] == storage.FORMAT
    assert header["fingerprint"] == prepared.fingerprint


def test_prepared_arrays_are_read_only(folder_of_pieces: Callable[..., Path], tmp_path: Path) -> None:
    prepared = _prepare(folder_of_pieces(8), tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        prepared.data.pitch[0] = 60


def test_without_folds_all_pieces_are_in_one_fold_and_none_in_the_test_set(
    folder_of_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    folder, cache = folder_of_tunes(8), tmp_path / "cache"
    folded = _prepare(folder, tmp_path)
    unfolded = prepare(str(folder), num_folds=None, cache=cache, processes=1)
    sealed = open_test_set(folded, "a test")
    assert set(unfolded.data.ids) == {*folded.data.ids, *sealed.ids}
    assert (unfolded.data.num_folds, set(unfolded.data.fold.tolist()), unfolded.num_test_pieces) == (1, {0}, 0)
    assert open_test_set(unfolded, "a test").num_pieces == 0
    assert unfolded.fingerprint != folded.fingerprint
    again = prepare(str(folder), num_folds=None, cache=cache, processes=1)
    np.testing.assert_array_equal(again.data.pitch, unfolded.data.pitch)
    for path in sorted(folder.iterdir())[1:]:
        path.unlink()
    assert prepare(str(folder), num_folds=None, cache=cache, processes=1).data.num_pieces == 1
    with pytest.raises(BadInputError, match="2 to 100 folds: got 0"):
        prepare(str(folder), num_folds=0, cache=cache)


def test_a_holdout_is_the_first_of_as_many_folds(folder_of_pieces: Callable[[int], Path], tmp_path: Path) -> None:
    folder = folder_of_pieces(14)
    crossed = _prepare(folder, tmp_path, num_folds=5)
    held = prepare(str(folder), kind=crossed.kind, cache=tmp_path / "cache", num_folds=5, holdout=True)
    assert held.data.num_folds == 1
    assert held.data.ids == crossed.data.ids
    assert np.array_equal(held.data.fold == 0, crossed.data.fold == 0)
    assert set(held.data.fold) == {0, 1}
    assert held.fingerprint != crossed.fingerprint
    assert _prepare(folder, tmp_path, num_folds=5).source == crossed.source
