"""Tunes written to files of every format, and invalid tunes."""

import subprocess
import sys
import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from data_prep.errors import BadInputError
from data_prep.tunes.notation import Tune
from data_prep.writers.files import FORMATS, check, write
from tests.hand_tunes import JIG, REEL, tunes

_BEGINNINGS = {
    "mid": b"MThd",
    "musicxml": b"<?xml",
    "abc": b"%abc-2.1\n",
    "svg": b"<svg ",
    "png": b"\x89PNG\r\n",
    "wav": b"RIFF",
}


def test_every_format_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "tunes"
    paths = write(JIG, folder, "jig")
    assert [path.name for path in paths] == [f"jig.{ending}" for ending in _BEGINNINGS]
    assert len(paths) == len(FORMATS)
    for path, beginning in zip(paths, _BEGINNINGS.values(), strict=True):
        assert path.read_bytes().startswith(beginning)
    with wave.open(str(paths[-1])) as sound:
        assert sound.getnframes() / sound.getframerate() > 10


def test_only_the_requested_files_are_written_and_replaced(tmp_path: Path) -> None:
    (first,) = write(JIG, tmp_path, "tune", ["abc"])
    with pytest.raises(BadInputError, match=r"not replaced unless you ask for it: .*tune\.abc exists"):
        write(REEL, tmp_path, "tune", ["midi", "abc"])
    assert JIG.title in first.read_text()
    assert list(tmp_path.iterdir()) == [first]
    (again,) = write(REEL, tmp_path, "tune", ["abc"], replace=True)
    assert first == again == tmp_path / "tune.abc"
    assert REEL.title in again.read_text()
    assert list(tmp_path.iterdir()) == [again]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tune=tunes())
def test_any_tune_can_be_written(tune: Tune, tmp_path: Path) -> None:
    formats = ["midi", "musicxml", "abc", "svg"]
    assert all(path.stat().st_size > 0 for path in write(tune, tmp_path, "any", formats, replace=True))


def test_a_title_is_one_line_in_every_file(tmp_path: Path) -> None:
    tune = replace(JIG, title="Two\nlines\0 and\x1b[31m a % sign")
    for path in write(tune, tmp_path, "tune"):
        assert b"\nlines" not in path.read_bytes() or path.suffix in {".wav", ".png"}
    assert "T:Two lines and [31m a \\% sign\n" in (tmp_path / "tune.abc").read_text()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pitch": (), "duration": ()}, "at least one note"),
        ({"pitch": (128,), "duration": (Fraction(1),)}, "note 1 has 128"),
        ({"pitch": (60, -2), "duration": (Fraction(1),) * 2}, "note 2 has -2"),
        ({"pitch": (60,), "duration": (Fraction(0),)}, "note 1 has 0"),
        ({"pitch": (60,), "duration": (Fraction(1, 11),)}, "note 1 has 1/11"),
        ({"pitch": (60, 60), "duration": (Fraction(1, 32), Fraction(1, 10080)), "num_prompt": 0}, "note 2 in bar"),
        ({"metre": (4, 3)}, "got 4/3"),
        ({"metre": (0, 4)}, "got 0/4"),
        ({"pickup": Fraction(3)}, "shorter than a bar (3 quarter notes)"),
        ({"pickup": Fraction(-1)}, "got -1"),
        ({"fifths": 8}, "got 8"),
        ({"mode": "lydian"}, "no mode is called 'lydian'"),
        ({"num_prompt": 1000}, "got 1000"),
        ({"quarters_per_minute": 0.0}, "got 0"),
        ({"quarters_per_minute": float("nan")}, "got nan"),
    ],
)
def test_an_invalid_tune_is_rejected_in_one_line(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    tune = replace(JIG, **({"num_prompt": 0} | changed))
    with pytest.raises(BadInputError) as caught:
        write(tune, tmp_path, "tune")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_valid_tune_passes_the_check() -> None:
    check(JIG)
    check(REEL)


@pytest.mark.parametrize("stem", ["", ".", "..", "a/b", "/a", "a\0b"])
def test_a_stem_is_a_plain_name(stem: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="without folders"):
        write(JIG, tmp_path, stem)


def test_an_unknown_format_is_reported_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no format is called 'music-xml'; did you mean 'musicxml'"):
        write(JIG, tmp_path, "tune", ["music-xml"])


def test_a_file_instead_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="name another folder") as caught:
        write(JIG, tmp_path / "file", "tune", ["abc"])
    assert str(tmp_path / "file") in str(caught.value)


def test_heavy_libraries_are_loaded_by_the_formats_that_need_them(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom fractions import Fraction\nfrom pathlib import Path\n"
        "from data_prep.writers.files import write\nfrom data_prep.tunes.notation import Tune\n"
        f"write(Tune((60,), (Fraction(1),)), Path({str(tmp_path)!r}), 'tune', ['abc'])\n"
        "print(sorted({'music21', 'verovio', 'pretty_midi', 'resvg_py', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
