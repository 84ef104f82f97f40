"""Tests of cached readings: parallel reading, damaged entries, and invalid files."""

import os
import zipfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from data_prep.errors import BadInputError
from data_prep.progress import Silent
from data_prep.readers import cached, note_table
from data_prep.readers.cached import read_all, read_file
from data_prep.readers.digest import file_digest
from data_prep.readers.notes import Reading


class Recorded:
    """A progress display that records its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str | int, ...]] = []

    def start(self, total: int, what: str) -> None:
        self.calls.append(("start", total, what))

    def advance(self, n: int) -> None:
        self.calls.append(("advance", n))

    def finish(self) -> None:
        self.calls.append(("finish",))


def _digests(folder: Path) -> dict[Path, str]:
    return {path: file_digest(path) for path in sorted(folder.iterdir())}


def _same(first: Mapping[Path, Reading], second: Mapping[Path, Reading]) -> bool:
    return [note_table.to_bytes(reading) for reading in first.values()] == [
        note_table.to_bytes(reading) for reading in second.values()
    ]


def test_progress_counts_only_files_that_are_parsed(folder_of_tunes: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_tunes(3)
    first, second = Recorded(), Recorded()
    fresh = read_all(_digests(folder), tmp_path / "cache", first)
    again = read_all(_digests(folder), tmp_path / "cache", second)
    assert first.calls == [("start", 3, "reading scores"), *[("advance", 1)] * 3, ("finish",)]
    assert second.calls == []
    assert _same(fresh, again)


def test_only_a_changed_file_is_read_again(folder_of_tunes: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_tunes(3)
    read_all(_digests(folder), tmp_path / "cache", Silent())
    changed = folder / "tune01.abc"
    changed.write_text(changed.read_text().replace("T:Tune 1", "T:Another"))
    progress = Recorded()
    readings = read_all(_digests(folder), tmp_path / "cache", progress)
    assert progress.calls[0] == ("start", 1, "reading scores")
    assert readings[changed].pieces[0].heading.title == "Another"


def test_two_processes_return_the_same_as_one(
    folder_of_tunes: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached, "WORTH_A_POOL", 0)
    folder = folder_of_tunes(6)
    one = read_all(_digests(folder), tmp_path / "one", Silent(), processes=1)
    two = read_all(_digests(folder), tmp_path / "two", Silent(), processes=2)
    assert list(one) == list(two) == sorted(folder.iterdir())
    assert _same(one, two)


def test_a_damaged_entry_is_read_again(folder_of_tunes: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_tunes(2)
    fresh = read_all(_digests(folder), tmp_path / "cache", Silent())
    first, second = sorted((tmp_path / "cache" / "notes").iterdir())
    first.write_bytes(first.read_bytes()[:100])
    second.write_bytes(b"")
    progress = Recorded()
    assert _same(read_all(_digests(folder), tmp_path / "cache", progress), fresh)
    assert progress.calls[0] == ("start", 2, "reading scores")


def test_an_entry_with_a_changed_byte_is_correct_or_not_used(
    folder_of_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    fresh = read_all(_digests(folder_of_tunes(1)), tmp_path / "cache", Silent())
    (entry,) = (tmp_path / "cache" / "notes").iterdir()
    data = entry.read_bytes()
    for at in range(0, len(data), 7):
        entry.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        reading = cached._from_cache(entry)  # pyright: ignore[reportPrivateUsage]
        assert reading is None or _same({entry: reading}, fresh), at


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_entry_is_read_again(keep: float, folder_of_tunes: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_tunes(1)
    fresh = read_all(_digests(folder), tmp_path / "cache", Silent())
    (entry,) = (tmp_path / "cache" / "notes").iterdir()
    data = entry.read_bytes()
    at = int(len(data) * keep)
    entry.write_bytes(data[:at])
    assert _same(read_all(_digests(folder), tmp_path / "cache", Silent()), fresh)


def test_an_invalid_file_does_not_affect_the_others(folder_of_tunes: Callable[..., Path], tmp_path: Path) -> None:
    folder = folder_of_tunes(2)
    (folder / "bad.mid").write_text("no music")
    readings = read_all(_digests(folder), tmp_path / "cache", Silent())
    assert [len(reading.pieces) for reading in readings.values()] == [0, 1, 1]
    assert readings[folder / "bad.mid"].unread[0].reason == "it is not a MIDI file: it does not begin with MThd"


def test_a_missing_file_is_skipped(folder_of_tunes: Callable[..., Path], tmp_path: Path) -> None:
    digests = _digests(folder_of_tunes(2))
    gone = next(iter(digests))
    gone.unlink()
    readings = read_all(digests, tmp_path / "cache", Silent())
    assert "No such file" in readings[gone].unread[0].reason


def test_a_full_disk_is_one_error_and_leaves_no_entry(
    folder_of_tunes: Callable[..., Path], tmp_path: Path, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    cache = tmp_path / "cache"
    rule = r"must be writable.*No space left on device.*TUNESMITH_CACHE"
    with pytest.raises(BadInputError, match=rule) as caught, full_disk():
        read_all(_digests(folder_of_tunes(1)), cache, Silent())
    assert "\n" not in str(caught.value)
    assert not list((cache / "notes").iterdir())


def test_a_cache_that_is_a_file_is_rejected(folder_of_tunes: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "cache"
    path.write_text("a file")
    with pytest.raises(BadInputError, match="must be writable"):
        read_all(_digests(folder_of_tunes(1)), path, Silent())


def test_a_damaged_archive_is_not_a_passing_failure(tmp_path: Path) -> None:
    path = tmp_path / "score.mxl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("score.xml", "<score-partwise/>")
    data = path.read_bytes()
    path.write_bytes(data[:-6] + b"\xff\xff\x00\x00" + data[-2:])  # the offset of the directory
    (reading,) = read_all({path: file_digest(path)}, tmp_path / "cache", Silent()).values()
    assert not reading.is_passing
    assert reading.unread[0].reason.startswith("it cannot be read as MusicXML: ")


def test_pipes_and_devices_are_not_read(tmp_path: Path) -> None:
    for suffix in (".mid", ".abc", ".krn", ".musicxml"):
        os.mkfifo(tmp_path / f"pipe{suffix}")
        (tmp_path / f"endless{suffix}").symlink_to("/dev/zero")
    for path in tmp_path.iterdir():
        assert file_digest(path)
        assert [unread.reason for unread in read_file(path).unread] == ["it is not a regular file"]
