"""Files for users: existing files are kept, unless they are to be replaced."""

from pathlib import Path

import pytest

from data_prep.errors import BadInputError
from data_prep.storage.user_files import check_new, free_set, of_set, write


def test_existing_files_are_reported_before_anything_is_written(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    check_new(paths, replace=False)
    paths[1].write_text("mine")
    with pytest.raises(
        BadInputError,
        match=r"not replaced unless you ask for it: .*/b exists; choose another name or folder, or replace the files",
    ):
        check_new(paths, replace=False)
    paths[2].mkdir()
    with pytest.raises(BadInputError, match=r"/b \(and 1 more\) exists"):
        check_new(paths, replace=False)
    check_new(paths, replace=True)


def test_a_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, b"one", replace=False)
    with pytest.raises(FileExistsError):
        write(path, b"two", replace=False)
    assert path.read_bytes() == b"one"
    write(path, b"three", replace=True)
    assert path.read_bytes() == b"three"


def test_a_new_set_has_an_unused_name(tmp_path: Path) -> None:
    assert free_set(tmp_path / "nowhere", "a.b-seed1") == "a.b-seed1"
    others = ["a.b-seed1.mid", "aab-seed1-01.mid", "a.b-seed12-01.mid", "a.b-seed1-01", "a.b-seed1-x-01.mid"]
    others += ["a.b-seed1-01.pdf", "a.b-seed1-01-part.png", "a.b-seed1-report.html"]
    for name in others:
        (tmp_path / name).touch()
    assert free_set(tmp_path, "a.b-seed1") == "a.b-seed1"
    own = ["a.b-seed1-01-roll.png", "a.b-seed1-1000.musicxml", "a.b-seed1-report.md"]
    for name in own:
        (tmp_path / name).touch()
    assert [path.name for path in of_set(tmp_path, "a.b-seed1")] == own
    assert free_set(tmp_path, "a.b-seed1") == "a.b-seed1-run2"
    (tmp_path / "a.b-seed1-run2-01.abc").touch()
    assert [path.name for path in of_set(tmp_path, "a.b-seed1")] == own
    assert free_set(tmp_path, "a.b-seed1") == "a.b-seed1-run3"
