"""Lessons: a tune whose first bars are the prompt, and unsuitable tunes."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import BadInputError
from data_prep.pitches import REST
from data_prep.tunes.lessons import MAX_NOTES, read_lesson
from data_prep.writers.files import write
from tests.hand_tunes import JIG, REEL, sung

ONE = Fraction(1)


def _file(folder: Path, text: str) -> Path:
    path = folder / "tune.abc"
    path.write_text(text)
    return path


def test_the_example_is_mary_had_a_little_lamb() -> None:
    lesson, remarks = read_lesson(None, 4)
    tune = lesson.tune
    degrees = "3212333 222 355 3212333322321"
    assert [{60: "1", 62: "2", 64: "3", 67: "5"}[pitch] for pitch in tune.pitch] == list(degrees.replace(" ", ""))
    lengths = [1, 1, 1, 1, 1, 1, 2, 1, 1, 2, 1, 1, 2, *[1] * 12, 4]
    assert tune.duration == tuple(map(Fraction, lengths))
    assert (tune.num_prompt, tune.num_notes, tune.title) == (13, 26, "Mary Had a Little Lamb")
    assert remarks == ()


@pytest.mark.parametrize("form", ["abc", "midi", "musicxml"])
def test_a_lesson_is_one_piece_that_no_fold_holds_out(form: str, tmp_path: Path) -> None:
    (path,) = write(JIG, tmp_path, "tune", [form])
    lesson, _ = read_lesson(path, 2)
    melodies = lesson.melodies
    assert (melodies.num_pieces, melodies.num_folds, melodies.fold.tolist()) == (1, 1, [1])
    columns = zip(melodies.pitch, melodies.duration, strict=True)
    notes = [(int(pitch), melodies.durations[int(index)]) for pitch, index in columns]
    assert notes == list(zip(lesson.tune.pitch, lesson.tune.duration, strict=True))
    assert notes[:20] == sung(JIG)[:20]
    assert np.diff(melodies.start).tolist() == [lesson.tune.num_notes]


@pytest.mark.parametrize(("bars", "num_prompt"), [(1, 6), (2, 11), (3, 17)])
def test_a_pickup_is_added_to_the_bars_of_the_prompt(bars: int, num_prompt: int, tmp_path: Path) -> None:
    (path,) = write(JIG, tmp_path, "tune", ["abc"])
    lesson, _ = read_lesson(path, bars)
    assert lesson.tune.num_prompt == num_prompt
    assert sum(lesson.tune.duration[:num_prompt]) == Fraction(1, 2) + 3 * bars


def test_rests_are_notes_of_a_lesson(tmp_path: Path) -> None:
    (path,) = write(REEL, tmp_path, "tune", ["abc"])
    lesson, _ = read_lesson(path, 4)
    assert REST in lesson.tune.pitch
    assert lesson.melodies.num_notes == lesson.tune.num_notes


def test_of_several_tunes_and_voices_the_chosen_one_is_reported(tmp_path: Path) -> None:
    two = "X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n\nX:2\nT:Two\nM:4/4\nL:1/4\nK:C\nGGGG|CCCC|\n"
    lesson, remarks = read_lesson(_file(tmp_path, two), 1)
    assert lesson.tune.title == "One"
    assert remarks == ("tune.abc: the first of its 2 tunes is taken, 'One'",)
    voices = "X:1\nT:Duet\nM:4/4\nL:1/4\nK:C\nV:low\nC,D,E,F,|G,F,E,D,|\nV:high\ncdef|gfed|\n"
    lesson, remarks = read_lesson(_file(tmp_path, voices), 1)
    assert lesson.tune.pitch[:4] == (72, 74, 76, 77)
    assert [remark for remark in remarks if "the top one of its 2 voices is taken" in remark]


@pytest.mark.parametrize(
    ("music", "bars", "message"),
    [
        ("C", 4, "has no note after 4 of them; name a longer tune, or give fewer bars"),
        ("CDEF|GABc|CDEF", 4, "has no note after 4 of them"),
        ("CDEF|GABc|CDEF|GABc", 4, "has no note after 4 of them"),
        ("CDEF" * (MAX_NOTES // 4) + "G", 4, f"at most {MAX_NOTES} notes and rests: .* has {MAX_NOTES + 1}"),
        ("|", 4, "a lesson is a tune of at least one note"),
    ],
)
def test_an_unsuitable_tune_is_rejected(music: str, bars: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=message):
        read_lesson(_file(tmp_path, f"X:1\nT:It\nM:4/4\nL:1/4\nK:C\n{music}|\n"), bars)


def test_a_missing_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="a lesson must be an existing file"):
        read_lesson(tmp_path / "none.abc", 4)
    with pytest.raises(BadInputError, match=r"a lesson ends in \.abc"):
        read_lesson(tmp_path / "none.txt", 4)
