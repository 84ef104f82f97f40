"""Tests of passing failures: a later run does not mistake their results for a complete file or corpus."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from data_prep.prepared.corpus import prepare
from data_prep.progress import Silent
from data_prep.readers.bounded import Bounds, FileReader, read_one
from data_prep.readers.cached import read_all
from data_prep.readers.digest import file_digest
from data_prep.readers.note_table import LIBRARY
from data_prep.readers.scores import reader

LIMITED = """
import json, resource, sys
from pathlib import Path
from data_prep.prepared.corpus import prepare
folder, cache, limit = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_DATA, (int(limit), resource.RLIM_INFINITY))
made = prepare(folder, cache=Path(cache), num_folds=2)
print(json.dumps([made.fingerprint, made.num_read, [[skipped.file, skipped.reason] for skipped in made.skipped]]))
"""


def taken(_: Path) -> int:
    """Return the memory of a process (bytes) after the imports of a reader."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) * 1024


@pytest.fixture
def hungry(folder_of_tunes: Callable[..., Path]) -> Path:
    """Return a folder of tunes with one file of 14 MB, which takes 100 MB of memory to read."""
    folder = folder_of_tunes(12)
    tune = (folder / "tune11.abc").read_text().replace("T:", "T:A long ")
    (folder / "long.abc").write_text(tune.replace("K:G\n", "K:D\n") + "\n" + "% no music\n" * 1_300_000)
    return folder


def _digests(folder: Path) -> dict[Path, str]:
    return {path: file_digest(path) for path in sorted(folder.iterdir())}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_a_corpus_read_without_enough_memory_is_read_again_later(hungry: Path, tmp_path: Path) -> None:
    enough = read_one(
        FileReader(taken, lambda path: (reader(path), LIBRARY, "data_prep.readers.cached")), hungry / "long.abc"
    )
    assert isinstance(enough, int)

    def limited() -> list[object]:
        arguments = [str(hungry), str(tmp_path / "cache"), str(enough + 48 * 2**20)]
        done = subprocess.run([sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    fingerprint, num_read, skipped = incomplete = limited()
    assert (num_read, skipped) == (12, [["long.abc", "reading it takes more memory than one file may use"]])
    assert limited() == incomplete
    complete = prepare(str(hungry), cache=tmp_path / "cache", num_folds=2)
    assert (complete.num_read, complete.skipped) == (13, ())
    assert complete.fingerprint != fingerprint
    assert limited() == [complete.fingerprint, 13, []]


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        (Bounds(memory=48 * 2**20), "reading it takes more memory than one file may use"),
        (Bounds(seconds=0.02), r"reading it takes more than 0\.(02|12) s"),  # elapsed time, on a busy machine
    ],
)
def test_a_file_that_reached_a_limit_is_read_the_next_time(
    bounds: Bounds, reason: str, hungry: Path, tmp_path: Path
) -> None:
    files = {hungry / "long.abc": file_digest(hungry / "long.abc")}
    (limited,) = read_all(files, tmp_path / "cache", Silent(), bounds=bounds).values()
    (unread,) = limited.unread
    assert re.fullmatch(reason, unread.reason)
    (read,) = read_all(files, tmp_path / "cache", Silent()).values()
    assert (len(read.pieces), read.unread) == (1, ())


def test_a_file_that_changed_is_not_cached_under_its_old_digest(
    folder_of_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    digests = _digests(folder_of_tunes(2))
    first, second = digests
    before = first.read_text()
    first.write_text(second.read_text())
    assert read_all(digests, tmp_path / "cache", Silent())[first].is_passing
    first.write_text(before)
    assert read_all(digests, tmp_path / "cache", Silent())[first].pieces[0].heading.title == "Tune 0"


def test_a_performance_that_cannot_be_opened_changes_the_fingerprint(
    folder_of_performances: Callable[..., Path], tmp_path: Path
) -> None:
    folder = folder_of_performances()
    complete = prepare(str(folder), kind="performances", cache=tmp_path / "one", num_folds=2)
    removed = min((folder / "calm").iterdir())
    data = removed.read_bytes()

    class RemovesFile(Silent):
        def start(self, total: int, what: str) -> None:
            removed.unlink()

    incomplete = prepare(str(folder), kind="performances", cache=tmp_path / "two", num_folds=2, progress=RemovesFile())
    (skipped,) = incomplete.skipped
    assert (skipped.file, skipped.reason) == ("calm/calm00.mid", "No such file or directory")
    assert incomplete.fingerprint != complete.fingerprint
    removed.write_bytes(data)
    again = prepare(str(folder), kind="performances", cache=tmp_path / "two", num_folds=2)
    assert (again.fingerprint, again.skipped) == (complete.fingerprint, ())
