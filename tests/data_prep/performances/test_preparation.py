"""Preparation of performances from files, and its report."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data_prep.corpora.named import corpora
from data_prep.corpora.provenance import Prepared
from data_prep.errors import BadInputError
from data_prep.performances.description import BIN, describe
from data_prep.performances.reader import read
from data_prep.performances.renderings import STYLES
from data_prep.prepared.corpus import open_test_set, prepare
from tests import hand_midi
from tests.data_prep.conftest import only

if TYPE_CHECKING:
    from data_prep.performances.arrays import Performances


def _prepare(folder: Path | str, tmp_path: Path, num_folds: int = 4, seed: int = 0) -> Prepared:
    return prepare(
        str(folder), kind="performances", cache=tmp_path / "cache", num_folds=num_folds, seed=seed, processes=1
    )


def _compositions(prepared: Prepared) -> dict[str, int]:
    """Return the composition of every performance, including the test set."""
    sealed: Performances = open_test_set(prepared, "a test")
    data: Performances = prepared.data
    return {
        **dict(zip(data.ids, data.composition.tolist(), strict=True)),
        **dict(zip(sealed.ids, sealed.composition.tolist(), strict=True)),
    }


def test_the_arrays_equal_the_contents_of_the_files(
    folder_of_performances: Callable[..., Path], tmp_path: Path
) -> None:
    folder = folder_of_performances(6)
    prepared = _prepare(folder, tmp_path)
    data: Performances = prepared.data
    assert data.styles == ("calm", "wild")
    assert data.num_pieces + prepared.num_test_pieces == prepared.num_files == prepared.num_read == 12
    assert prepared.num_test_pieces == 2
    for number, name in enumerate(data.ids):
        file = read((folder / name).read_bytes()).performance
        rows = slice(data.start[number], data.start[number + 1])
        for field in ("pitch", "velocity", "onset", "duration", "seconds"):
            assert np.array_equal(getattr(data, field)[rows], getattr(file, field))
        assert data.styles[data.style[number]] == name.split("/")[0]
    dtypes = {field.name: getattr(data, field.name).dtype.name for field in fields(data) if field.name in _DTYPES}
    assert dtypes == _DTYPES
    assert len(set(data.composition.tolist())) == data.num_pieces


_DTYPES = {
    "pitch": "int16",
    "velocity": "int16",
    "onset": "float64",
    "duration": "float64",
    "seconds": "float64",
    "start": "int64",
    "fold": "int8",
    "style": "int16",
    "composition": "int32",
}


def test_notes_outside_the_range_of_a_piano_are_left_out(
    folder_of_performances: Callable[..., Path], tmp_path: Path
) -> None:
    folder = folder_of_performances(6)
    before: Performances = _prepare(folder, tmp_path).data
    name = before.ids[0]
    events = [event for pitch in (20, 109) for event in hand_midi.strike(pitch, 0, 30)]
    contents = (folder / name).read_bytes()
    track = hand_midi.midi(events, division=96)[14:]
    (folder / name).write_bytes(contents[:8] + b"\x00\x01\x00\x02" + contents[12:] + track)
    assert read((folder / name).read_bytes()).performance.num_notes == np.diff(before.start)[0] + 2
    after: Performances = _prepare(folder, tmp_path).data
    rows = slice(*after.start[after.ids.index(name) :][:2])
    assert np.array_equal(after.pitch[rows], before.pitch[slice(*before.start[:2])])
    (folder / name).write_bytes(hand_midi.midi([*hand_midi.strike(20, 0, 30), *hand_midi.strike(110, 0, 30)]))
    assert [(piece.file, piece.reason) for piece in _prepare(folder, tmp_path).skipped] == [
        (name, "none of its notes is among a piano's 88 keys")
    ]


def test_skipped_and_excluded_files_are_listed_with_a_reason(
    folder_of_performances: Callable[..., Path], performed: Callable[..., bytes], tmp_path: Path
) -> None:
    folder = folder_of_performances(6)
    (folder / "calm" / "cut.mid").write_bytes(performed(1)[:-30])
    (folder / "calm" / "text.mid").write_text("Dear diary")
    (folder / "calm" / "flat.mid").write_bytes(performed(50, velocities=14))
    (folder / "wild" / "again.mid").write_bytes((folder / "calm" / "calm03.mid").read_bytes())
    (folder / "wild" / "beats.mid").write_bytes(performed(51))
    (folder / "wild" / "beats_annotations.txt").write_text("0\t0\tdb,3/4,0\n1\t1\tb\n")
    (folder / "wild" / "typo.mid").write_bytes(performed(52))
    (folder / "wild" / "typo_annotations.txt").write_text("none\n")
    prepared = _prepare(folder, tmp_path)
    assert [(piece.file, piece.reason.split(":")[0]) for piece in prepared.skipped] == [
        ("calm/cut.mid", "it is cut short"),
        ("calm/text.mid", "it is not a MIDI file"),
        (
            "wild/typo.mid",
            "line 1 of its annotations is not a beat (seconds, seconds, and b, db or bR, separated by tabs)",
        ),
    ]
    assert [(piece.file, piece.reason) for piece in prepared.exclusions] == [
        ("calm/flat.mid", "14 distinct velocities; at least 20 are needed"),
        ("wild/again.mid", "it has the same notes as calm/calm03.mid"),
        ("wild/beats.mid", "3/4 from bar 1; only 4/4 is used"),
    ]
    assert {rule: count for rule, count in prepared.left_out.items() if count} == {
        "few velocities": 1,
        "not in 4/4": 1,
        "duplicates": 1,
    }
    assert (prepared.num_files, prepared.num_read) == (18, 15)
    again = _prepare(folder, tmp_path)
    assert (again.skipped, again.exclusions) == (prepared.skipped, prepared.exclusions)


def test_a_folder_without_a_usable_performance(tmp_path: Path, performed: Callable[..., bytes]) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "a.mid").write_text("text")
    with pytest.raises(BadInputError, match=r"none of the 1 in .* is usable \(the first, a\.mid: it is not a MIDI"):
        _prepare(folder, tmp_path)
    (folder / "b.mid").write_bytes(performed(0, velocities=5))
    with pytest.raises(BadInputError, match=r"none of the 2 in .*b\.mid: 5 distinct velocities"):
        _prepare(folder, tmp_path)


def test_a_style_with_too_few_compositions(folder_of_performances: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_performances(6)
    for path in sorted((folder / "wild").iterdir())[3:]:
        path.unlink()
    with pytest.raises(BadInputError, match=r"at least 5 compositions of each style .* the style 'wild' has 3"):
        _prepare(folder, tmp_path)
    assert _prepare(folder, tmp_path, num_folds=2).data.num_folds == 2


def test_annotated_beats_are_used_instead_of_ticks(
    folder_of_performances: Callable[..., Path], performed: Callable[..., bytes], tmp_path: Path
) -> None:
    folder = folder_of_performances(6)
    (folder / "wild" / "beats.mid").write_bytes(performed(51))
    lines = [f"{0.7 * index}\t{0.7 * index}\t{'db' if index % 4 == 2 else 'b'}\n" for index in range(40)]
    (folder / "wild" / "beats_annotations.txt").write_text("".join(lines))
    prepared = _prepare(folder, tmp_path)
    name = "wild/beats.mid"
    data = prepared.data if name in prepared.data.ids else open_test_set(prepared, "a test")
    number = data.ids.index(name)
    rows = slice(data.start[number], data.start[number + 1])
    file = read(performed(51)).performance
    # the downbeat is the third beat; a bar is added before it for the earlier notes
    assert np.allclose(data.onset[rows], file.seconds / 0.7 - 2 + 4)
    assert np.allclose(data.duration[rows], file.duration * 0.5 / 0.7)


def test_performances_of_one_composition_are_in_one_group(
    folder_of_performances: Callable[..., Path], performed: Callable[..., bytes], tmp_path: Path
) -> None:
    folder = folder_of_performances(6)
    data = bytearray(performed(2))
    data[-20] = 33  # the same performance with one other velocity
    (folder / "wild" / "second.mid").write_bytes(bytes(data))
    shutil.copy(folder / "wild" / "wild01.mid", tmp_path / "x.mid")
    composition_of = _compositions(_prepare(folder, tmp_path))
    assert composition_of["wild/second.mid"] == composition_of["calm/calm02.mid"]
    assert len(set(composition_of.values())) == len(composition_of) - 1


@pytest.mark.slow
def test_compositions_found_by_notes_equal_those_of_the_index(real_performances: Path, tmp_path: Path) -> None:
    with (real_performances / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = {row["file"]: (row["composer"], row["title"]) for row in rows}
    for name in names:
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / name).symlink_to(real_performances / name)
    composition_of = _compositions(_prepare(tmp_path / "copy", tmp_path))
    for piece, other in combinations(names, 2):
        assert (composition_of[piece] == composition_of[other]) == (names[piece] == names[other]), (piece, other)


@pytest.mark.slow
def test_real_performances_with_their_index(real_performances: Path, tmp_path: Path) -> None:
    prepared = _prepare(real_performances, tmp_path)
    numbers = describe(prepared)
    with (real_performances / "index.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    data: Performances = prepared.data
    assert prepared.skipped == prepared.exclusions == ()
    assert data.num_pieces + prepared.num_test_pieces == len(rows)
    near = np.abs(data.onset * 4 - np.rint(data.onset * 4)) < 0.3
    for number, name in enumerate(data.ids):
        selected = slice(data.start[number], data.start[number + 1])
        assert len(data.pitch[selected]) == int(rows[name]["notes"])
        assert len(np.unique(data.velocity[selected])) == int(rows[name]["distinct_velocities"])
        share = float(rows[name]["frac_near16"])  # from seconds, not from whole ticks
        assert abs(near[selected].mean() - share) < 0.02
        assert data.styles[data.style[number]] == rows[name]["genre"]
    assert all(fold.pieces > 0 for style in numbers.styles.values() for fold in style.folds)
    held: dict[int, set[int]] = {}
    for composition, fold in zip(data.composition.tolist(), data.fold.tolist(), strict=True):
        held.setdefault(composition, set()).add(fold)
    assert all(len(folds) == 1 for folds in held.values())
    by_era = _prepare(f"{real_performances}:era", tmp_path).data
    assert set(by_era.styles) == {row["era"] for row in rows.values()}
    assert by_era.fingerprint != data.fingerprint


@pytest.mark.slow
def test_a_warm_start_imports_no_reader(folder_of_performances: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_performances(6)
    _prepare(folder, tmp_path)
    code = (
        "import sys; from data_prep.prepared.corpus import prepare\n"
        "prepare(sys.argv[1], kind='performances')\n"
        "print([name for name in ('music21', 'pyarrow', 'matplotlib') if name in sys.modules])"
    )
    environment = {**os.environ, "TUNESMITH_CACHE": str(tmp_path / "cache")}
    run = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"


def test_scores_are_rendered_in_every_style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bach"
    folder.mkdir()
    # 130.6 is in 3/4
    for number in ("101.7", "102.7", "104.6", "10.7", "66.6", "130.6"):
        shutil.copy(corpora()["synthetic"].folder / f"bwv{number}.mxl", folder)
    few = replace(corpora()["synthetic"], folder=folder, every=1)
    monkeypatch.setattr("data_prep.prepared.corpus.resolve", only(few))
    prepared = _prepare("synthetic", tmp_path, num_folds=2)
    data: Performances = prepared.data
    assert data.styles == tuple(sorted(STYLES))
    assert data.num_pieces + prepared.num_test_pieces == 5 * len(STYLES)
    assert {piece.file.split()[0] for piece in prepared.exclusions} == {"bwv130.6.mxl"}
    assert prepared.left_out["not in 4/4"] == len(STYLES)
    folds: dict[str, set[int]] = {}
    for name, fold in zip(data.ids, data.fold.tolist(), strict=True):
        folds.setdefault(name.split()[0], set()).add(fold)
    assert all(len(of_score) == 1 for of_score in folds.values())
    assert "synthetic" in few.summary
    assert all("synthetic" in style for style in data.styles)


def test_the_description_of_performances(folder_of_performances: Callable[..., Path], tmp_path: Path) -> None:
    prepared = _prepare(folder_of_performances(7), tmp_path)
    data: Performances = prepared.data
    numbers = describe(prepared)
    assert numbers.num_notes == data.num_notes == sum(style.notes for style in numbers.styles.values())
    assert numbers.num_pieces == sum(fold.pieces for fold in numbers.folds)
    assert numbers.num_compositions == sum(style.compositions for style in numbers.styles.values())
    for index, name in enumerate(data.styles):
        style = numbers.styles[name]
        selected = [number for number in range(data.num_pieces) if data.style[number] == index]
        velocities = [
            velocity
            for number in selected
            for velocity in data.velocity[data.start[number] : data.start[number + 1]].tolist()
        ]
        assert style.notes == len(velocities)
        assert style.distinct_velocities == len(set(velocities))
        assert style.mean_velocity == pytest.approx(sum(velocities) / len(velocities))
        for low in range(0, 128, BIN):
            inside = sum(low <= velocity < low + BIN for velocity in velocities)
            assert style.histogram[f"{low}-{low + BIN - 1}"] == inside
        onsets = [data.onset[data.start[number] : data.start[number + 1]] for number in selected]
        bars = [len(range(int(onset.min() // 4), int(onset.max() // 4) + 1)) for onset in onsets]
        assert style.bars == sum(bars)
        assert style.near_share == 1
        assert sum(fold.notes for fold in style.folds) == style.notes
    text = " ".join(f"{label} {said}" for label, said in numbers.rows())
    assert "style calm" in text
    assert [chart.counts for chart in numbers.charts()] == [style.histogram for style in numbers.styles.values()]
