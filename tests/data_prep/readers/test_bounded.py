"""Tests of reading within limits: readers that hang, fill the memory, or end their process, among valid files."""

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


def _reject() -> None:
    check_num_notes(10**9)


def _quote() -> None:
    raise KeyError("[" * 10**6)


def _blunder() -> None:
    int("x")


ACTIONS: dict[str, Callable[[], object]] = {
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
    "reject": _reject,
    "blunder": _blunder,
    "quote": _quote,
}


def read(path: Path) -> str:
    """Do the action that a file names; return the process id and the text of a file that names none."""
    text = path.read_text()
    ACTIONS.get(text, str)()
    return f"{os.getpid()} {text}"


def _json(_: Path) -> tuple[str, ...]:
    return ("json",)


READER = FileReader(read, _json)
FAILURES = {
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
    "reject": Failure("files of at most 200000 notes are read: it has 1000000000", passing=False),
    "blunder": Failure("it cannot be read as music: ValueError: invalid literal", passing=False),
}


def _write(folder: Path, contents: list[str]) -> list[Path]:
    paths = [folder / f"{number:02}" for number in range(len(contents))]
    for path, text in zip(paths, contents, strict=True):
        path.write_text(text)
    return paths


def test_failures_do_not_affect_other_files(tmp_path: Path) -> None:
    contents = [text for action in FAILURES for text in (action, f"valid after {action}")]
    paths = _write(tmp_path, contents)
    answers = dict(read_each(READER, paths, processes=2, bounds=QUICK))
    assert sorted(answers) == paths
    for path, text in zip(paths, contents, strict=True):
        answer = answers[path]
        if text in FAILURES:
            assert isinstance(answer, Failure)
            assert answer.reason.startswith(FAILURES[text].reason), text  # Python 3.12 adds to that of a recursion
            assert answer.passing == FAILURES[text].passing
        else:
            assert isinstance(answer, str)
            assert answer.partition(" ")[2] == text


def test_one_other_process_reads_all_files(tmp_path: Path) -> None:
    answers = dict(read_each(READER, _write(tmp_path, ["a", "reject", "c", "deny", "e"])))
    processes = {answer.split()[0] for answer in answers.values() if isinstance(answer, str)}
    assert len(processes) == 1
    assert processes != {str(os.getpid())}


def test_a_lack_of_memory_of_the_machine_is_a_passing_failure(tmp_path: Path) -> None:
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


def test_the_size_is_checked_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "large.abc"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    answer = read_one(READER, path)
    assert answer == Failure("files of at most 16 MB are read: it has 16.0 MB", passing=False)
    with path.open("wb") as file:
        file.truncate(2**42)  # more than the memory of any machine
    assert file_digest(path)
    assert read_one(READER, path) == Failure("files of at most 16 MB are read: it has 4398046.5 MB", passing=False)


def test_an_abandoned_generator_ends_its_processes(tmp_path: Path) -> None:
    reading = read_each(READER, _write(tmp_path, ["a", "wait", "wait"]), processes=2)
    _, answer = next(reading)
    assert isinstance(answer, str)
    assert Path(f"/proc/{answer.split()[0]}").exists()
    reading.close()
    assert not Path(f"/proc/{answer.split()[0]}").exists()


def test_a_process_that_cannot_start_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BadInputError, match=r"none can be started \(exit status 1\).*/bin/false"):
        read_one(READER, _write(tmp_path, ["a"])[0])


def _named(path: Path) -> tuple[str, ...]:
    return (path.stem,)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("while True:\n    pass\n", "reading it takes more than"),
        ("raise MemoryError\n", "more memory than one file may use"),
    ],
)
def test_the_import_of_a_reader_is_limited_too(
    code: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "unimportable_reader.py"
    path.write_text(code)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    answer = read_one(FileReader(Path.read_bytes, _named), path, Bounds(seconds=0.1))
    assert isinstance(answer, Failure)
    assert answer.passing
    assert reason in answer.reason
