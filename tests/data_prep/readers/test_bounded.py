"""Reading within bounds: readers that hang, fill the memory, or end their process, among good files."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data_prep.errors import BadInputError
from data_prep.limits import MAX_BYTES, check_num_notes
from data_prep.readers.bounded import Bounds, Failure, FileReader, read_each, read_one
from data_prep.readers.digest import file_digest

QUICK = Bounds(seconds=0.3, memory=100 * 2**20)


def _compute() -> None:
    while True:
        pass


def _recur() -> None:
    _recur()


def _hang_up() -> None:
    os.closerange(3, 100)
    time.sleep(600)


def _deny() -> None:
    raise PermissionError(13, "Permission denied")


def _refuse() -> None:
    check_num_notes(10**9)


def _quote() -> None:
    raise KeyError("[" * 10**6)


def _blunder() -> None:
    int("x")


DEEDS: dict[str, Callable[[], object]] = {
    "compute": _compute,
    "wait": lambda: time.sleep(600),
    "fill": lambda: bytearray(2**30),
    "recur": _recur,
    "exit": lambda: sys.exit("bye"),
    "leave": lambda: os._exit(3),
    "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "crash": lambda: ctypes.string_at(0),
    "hang up": _hang_up,
    "deny": _deny,
    "refuse": _refuse,
    "blunder": _blunder,
    "quote": _quote,
}


def read(path: Path) -> str:
    """Do what a file says; give the process and the text of one that says nothing bad."""
    text = path.read_text()
    DEEDS.get(text, str)()
    return f"{os.getpid()} {text}"


def _json(_: Path) -> tuple[str, ...]:
    return ("json",)


READER = FileReader(read, _json)
BAD = {
    "compute": Failure("reading it takes more than 0.3 s", passing=True),
    "wait": Failure("reading it takes more than 1.8 s", passing=True),
    "fill": Failure("reading it takes more memory than one file may use", passing=True),
    "recur": Failure("it cannot be read as music: RecursionError: maximum recursion depth exceeded", passing=False),
    "exit": Failure("it cannot be read as music: SystemExit: bye", passing=False),
    "leave": Failure("the process that read it was ended (exit status 3)", passing=True),
    "die": Failure("the process that read it was ended (SIGKILL)", passing=True),
    "crash": Failure("the process that read it was ended (SIGSEGV)", passing=True),
    "hang up": Failure("the process that read it was ended (SIGKILL)", passing=True),
    "quote": Failure(f"it cannot be read as music: KeyError: '{'[' * 299}", passing=False),
    "deny": Failure("Permission denied", passing=True),
    "refuse": Failure("files of at most 200000 notes are read: it has 1000000000", passing=False),
    "blunder": Failure("it cannot be read as music: ValueError: invalid literal", passing=False),
}


def _write(folder: Path, contents: list[str]) -> list[Path]:
    paths = [folder / f"{number:02}" for number in range(len(contents))]
    for path, text in zip(paths, contents, strict=True):
        path.write_text(text)
    return paths


def test_bad_files_fail_alone_and_say_why(tmp_path: Path) -> None:
    contents = [text for bad in BAD for text in (bad, f"good after {bad}")]
    paths = _write(tmp_path, contents)
    answers = dict(read_each(READER, paths, processes=2, bounds=QUICK))
    assert sorted(answers) == paths
    for path, text in zip(paths, contents, strict=True):
        answer = answers[path]
        if text in BAD:
            assert isinstance(answer, Failure)
            assert answer.reason.startswith(BAD[text].reason), text  # Python 3.12 adds to what recurs
            assert answer.passing == BAD[text].passing
        else:
            assert isinstance(answer, str)
            assert answer.partition(" ")[2] == text


def test_files_are_read_elsewhere_and_good_ones_all_in_one_process(tmp_path: Path) -> None:
    answers = dict(read_each(READER, _write(tmp_path, ["a", "refuse", "c", "deny", "e"])))
    processes = {answer.split()[0] for answer in answers.values() if isinstance(answer, str)}
    assert len(processes) == 1
    assert processes != {str(os.getpid())}


def test_a_machine_without_memory_is_no_fault_of_the_file(tmp_path: Path) -> None:
    (path,) = _write(tmp_path, ["fill"])
    program = (
        "import resource; from pathlib import Path; from tests.data_prep.readers.test_bounded import READER; "
        "from data_prep.readers.bounded import Bounds, read_one; "
        "resource.setrlimit(resource.RLIMIT_DATA, (800 * 2**20, 800 * 2**20)); "
        f"print(read_one(READER, Path({str(path)!r}), Bounds(memory=2**34)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "passing=True" in done.stdout
    assert "memory" in done.stdout


def test_a_bound_of_size_is_told_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "large.abc"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    answer = read_one(READER, path)
    assert answer == Failure("files of at most 16 MB are read: it has 16.0 MB", passing=False)
    with path.open("wb") as file:
        file.truncate(2**42)  # more than any memory holds
    assert file_digest(path)
    assert read_one(READER, path) == Failure("files of at most 16 MB are read: it has 4398046.5 MB", passing=False)


def test_nothing_is_left_of_a_reading_that_is_given_up(tmp_path: Path) -> None:
    reading = read_each(READER, _write(tmp_path, ["a", "wait", "wait"]), processes=2)
    _, answer = next(reading)
    assert isinstance(answer, str)
    assert Path(f"/proc/{answer.split()[0]}").exists()
    reading.close()
    assert not Path(f"/proc/{answer.split()[0]}").exists()


def test_no_process_to_read_in_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BadInputError, match=r"none can be started \(exit status 1\).*/bin/false"):
        read_one(READER, _write(tmp_path, ["a"])[0])


def _named(path: Path) -> tuple[str, ...]:
    return (path.stem,)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("while True:\n    pass\n", "reading it takes more than"),
        ("raise MemoryError\n", "more memory than one file may use"),
    ],
)
def test_a_reader_that_cannot_be_imported_is_bounded_too(
    code: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "unimportable_reader.py"
    path.write_text(code)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    answer = read_one(FileReader(Path.read_bytes, _named), path, Bounds(seconds=0.1))
    assert isinstance(answer, Failure)
    assert answer.passing
    assert why in answer.reason
