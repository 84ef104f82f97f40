"""The whole chain: prepared corpora, their store, and the sealed test set."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.corpora.named import resolve
from data_prep.errors import BadInputError
from data_prep.melodies.description import describe
from data_prep.prepared import file as storage
from data_prep.prepared.corpus import Prepared, open_test_set, openings_of_test_set, prepare, prepare_unfolded
from data_prep.prepared.kinds import KINDS
from data_prep.readers import note_table


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def plain(shared_cache: Path) -> Prepared:
    return prepare("oneills", cache=shared_cache, processes=1)


@pytest.fixture(scope="session")
def everything(shared_cache: Path) -> Prepared:
    return prepare("oneills-all", cache=shared_cache, processes=1)


def _prepare(folder: Path, tmp_path: Path, num_folds: int = 4, seed: int = 0) -> Prepared:
    kind = resolve(str(folder)).likely_kind()
    return prepare(str(folder), kind=kind, cache=tmp_path / "cache", num_folds=num_folds, seed=seed)


@pytest.fixture(params=sorted(KINDS))
def folder_of_pieces(
    request: pytest.FixtureRequest,
    folder_of_tunes: Callable[..., Path],
    folder_of_performances: Callable[..., Path],
) -> Callable[[int], Path]:
    """Make a folder, called tunes, with a number of unrelated pieces of each kind of data."""

    def make(count: int) -> Path:
        if request.param == "melodies":
            return folder_of_tunes(count)
        return folder_of_performances(count, name="tunes", styles=("one",))

    return make


@pytest.mark.slow
def test_the_default_corpus_is_931_plain_tunes(plain: Prepared) -> None:
    assert plain.num_read == 2007
    assert [one.file for one in plain.skipped] == ["0732-0758_bs.abc#745", "0732-0758_mh.abc#745"]
    assert all(one.reason.endswith("got K:Bn") for one in plain.skipped)  # a slip of its transcriber
    assert plain.data.num_pieces + plain.num_test_pieces == 931
    assert plain.num_read - sum(plain.left_out.values()) == 931
    assert plain.left_out["duplicates"] == 91
    assert plain.left_out["grace notes"] == 642
    assert not plain.data.in_chord.any()
    assert plain.data.pitch.min() >= 0
    assert plain.data.one_key.all()


@pytest.mark.slow
def test_all_of_oneills_is_kept(everything: Prepared) -> None:
    assert everything.left_out == {}
    assert everything.data.num_pieces + everything.num_test_pieces == everything.num_read == 2007
    assert (everything.data.pitch < 0).any()
    assert everything.data.in_chord.any()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "everything"])
def test_folds_are_balanced_and_whole(name: str, request: pytest.FixtureRequest) -> None:
    prepared: Prepared = request.getfixturevalue(name)
    data = prepared.data
    notes = np.bincount(data.fold[data.piece_of_note], minlength=4)
    assert notes.max() / notes.min() < 1.01
    assert abs(prepared.num_test_notes / (prepared.num_test_notes + data.num_notes) - 0.1) < 0.01
    groups: dict[int, set[int]] = {}
    for origin, fold in zip(prepared.origins, data.fold.tolist(), strict=True):
        groups.setdefault(origin.group, set()).add(fold)
    assert all(len(folds) == 1 for folds in groups.values())


@pytest.mark.slow
def test_settings_of_one_tune_stand_together(everything: Prepared) -> None:
    """Tune 981 is in two files; both settings are in one group, in a fold or sealed."""
    sealed = open_test_set(everything, "a test of the sealing")
    numbers: dict[str, list[int]] = {}
    for ids, folds in ((everything.data.ids, everything.data.fold), (sealed.ids, sealed.fold)):
        for name, fold in zip(ids, folds.tolist(), strict=True):
            numbers.setdefault(name.split("#")[1], []).append(fold)
    twice = [folds for folds in numbers.values() if len(folds) > 1]
    assert len(twice) == 170
    assert all(len(set(folds)) == 1 for folds in twice)


@pytest.mark.slow
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
    found = [run.stdout.split() for run in runs]
    assert {tuple(words[1:]) for words in found} == {("False", "False", plain.fingerprint)}
    assert min(float(words[0]) for words in found) < 1


@pytest.mark.slow
def test_the_description_of_the_default_corpus(plain: Prepared) -> None:
    found = describe(plain)
    assert found.num_pieces == plain.data.num_pieces
    assert found.num_rests == 0
    assert sum(found.durations.values()) == found.num_notes == plain.data.num_notes
    assert sum(found.metres.values()) == sum(found.tonics.values()) == found.num_pieces
    assert sum(fold.notes for fold in found.folds) == found.num_notes
    assert found.shortest <= found.median <= found.longest
    assert next(iter(found.metres)) == "6/8"
    assert found.num_tokens < found.num_tokens_with_position
    assert 48 <= found.lowest < found.highest <= 96


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


def test_seed_and_folds_change_what_is_prepared_not_what_is_read(
    folder_of_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    folder = folder_of_tunes(12)
    prints = {
        _prepare(folder, tmp_path, num_folds=folds, seed=seed).fingerprint for folds, seed in ((4, 0), (4, 1), (3, 0))
    }
    assert len(prints) == 3
    assert len(list((tmp_path / "cache" / "notes").iterdir())) == 12


def test_the_sealed_pieces_are_apart_and_their_opening_is_written_down(
    folder_of_pieces: Callable[..., Path], tmp_path: Path
) -> None:
    prepared = _prepare(folder_of_pieces(20), tmp_path)
    assert openings_of_test_set(prepared) == ()
    sealed = open_test_set(prepared, "promotion of trial 7")
    assert sealed.num_pieces == prepared.num_test_pieces > 0
    assert not set(sealed.ids) & set(prepared.data.ids)
    assert set(sealed.fold.tolist()) == {-1}
    for alphabet in ("durations", "positions", "styles"):
        assert getattr(sealed, alphabet, None) == getattr(prepared.data, alphabet, None)
    (opening,) = openings_of_test_set(prepared)
    assert opening["reason"] == "promotion of trial 7"


def test_the_prepared_file_holds_no_sealed_note(folder_of_pieces: Callable[..., Path], tmp_path: Path) -> None:
    prepared = _prepare(folder_of_pieces(20), tmp_path)
    sealed = open_test_set(prepared, "a test of the sealing")
    stored = prepared.source.path.read_bytes()
    assert not any(name.encode() in stored for name in sealed.ids)


def test_the_test_set_is_not_opened_without_a_reason(folder_of_pieces: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="only for a reason"):
        open_test_set(_prepare(folder_of_pieces(8), tmp_path), " ")


def test_a_lost_test_set_is_told(folder_of_pieces: Callable[..., Path], tmp_path: Path) -> None:
    prepared = _prepare(folder_of_pieces(8), tmp_path)
    prepared.source.path.with_suffix(".test.npz").unlink()
    with pytest.raises(BadInputError, match="prepare the corpus again"):
        open_test_set(prepared, "promotion")
    again = _prepare(tmp_path / "tunes", tmp_path)
    assert open_test_set(again, "promotion").num_pieces == again.num_test_pieces


def test_one_bad_file_among_good_is_skipped_named_and_explained(
    folder_of_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    folder = folder_of_tunes(8)
    (folder / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\1\0")
    (folder / "mixed.abc").write_text("X:1\nM:4/4\nL:1/8\nK:C\nCDEF GABc|\nX:2\nM:4/4\nK:C\nz4|\n")
    prepared = _prepare(folder, tmp_path)
    assert prepared.num_files == 10
    assert [(one.file, one.reason) for one in prepared.skipped] == [
        ("broken.mid", "it is cut short: the track at byte 14 announces 256 bytes, 0 are left"),
        ("mixed.abc#2", "there are no notes in it"),
    ]
    assert _prepare(folder, tmp_path).skipped == prepared.skipped


def test_nothing_that_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "a.mid").write_text("text")
    with pytest.raises(BadInputError, match=r"none of the 1 in .* can be, the first is a\.mid: it is not a MIDI file"):
        _prepare(folder, tmp_path)


def test_a_midi_without_notes_alone(tmp_path: Path, midi: Callable[..., bytes]) -> None:
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


def test_a_damaged_store_is_made_anew(folder_of_pieces: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_pieces(8)
    first = _prepare(folder, tmp_path)
    data = first.source.path.read_bytes()
    changed = (data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :] for at in range(0, len(data), len(data) // 11))
    for damaged in (b"", b"not a store", data[:-200], *changed):
        first.source.path.write_bytes(damaged)
        again = _prepare(folder, tmp_path)
        assert storage.to_bytes(again.data, {}) == storage.to_bytes(first.data, {})
        assert (again.origins, again.left_out) == (first.origins, first.left_out)


def test_a_store_without_votes_or_with_other_ones_is_made_anew(
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
        newer.setattr("data_prep.readers.note_table.FORMAT", 2)
        for entry in (tmp_path / "cache" / "notes").iterdir():
            entry.write_bytes(note_table.to_bytes(note_table.from_bytes(entry.read_bytes(), "")))
    with pytest.raises(BadInputError, match=r"got format 2 \(.*\.arrow\); upgrade tunesmith"):
        _prepare(folder, tmp_path, seed=1)


def test_a_full_disk(
    folder_of_pieces: Callable[..., Path], tmp_path: Path, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    folder = folder_of_pieces(8)
    with pytest.raises(BadInputError, match="No space left on device"), full_disk():
        _prepare(folder, tmp_path)
    assert _prepare(folder, tmp_path).data.num_folds == 4


def test_the_cache_is_where_the_environment_says(
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


def test_pieces_that_are_scored_need_no_folds(folder_of_tunes: Callable[..., Path], tmp_path: Path) -> None:
    folder, cache = folder_of_tunes(8), tmp_path / "cache"
    folded = _prepare(folder, tmp_path)
    whole = prepare_unfolded(str(folder), kind="melodies", cache=cache, processes=1)
    sealed = open_test_set(folded, "a test")
    assert set(whole.data.ids) == {*folded.data.ids, *sealed.ids}
    assert (whole.data.num_folds, set(whole.data.fold.tolist()), whole.num_test_pieces) == (1, {0}, 0)
    assert open_test_set(whole, "a test").num_pieces == 0
    assert whole.fingerprint != folded.fingerprint
    again = prepare_unfolded(str(folder), kind="melodies", cache=cache, processes=1)
    np.testing.assert_array_equal(again.data.pitch, whole.data.pitch)
    for path in sorted(folder.iterdir())[1:]:
        path.unlink()
    assert prepare_unfolded(str(folder), kind="melodies", cache=cache, processes=1).data.num_pieces == 1
    with pytest.raises(BadInputError, match="2 to 100 folds: got 0"):
        prepare(str(folder), num_folds=0, cache=cache)
