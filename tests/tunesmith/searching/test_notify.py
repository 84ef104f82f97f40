"""The command that is run when a search ends."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from data_prep.errors import BadInputError
from search.spec.file import SearchSpec, load
from tests.tunesmith.conftest import TINY, Place
from tunesmith.searching.notify import failures_notified, notify

WRITE = "import json, sys; json.dump([sys.argv[1:], json.load(sys.stdin)], open('told', 'w'))"
TEXT = 'it\'s "done"; $HOME && `rm` {search}\nsecond line'


def spec(command: str) -> SearchSpec:
    return load("composer", overrides={"notify.command": command})


def python(program: str, *words: str) -> str:
    return shlex.join([sys.executable, "-c", program, *words])


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_text_is_one_word_without_a_shell_and_json_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPIC", "my topic; echo")
    notify(spec(python(WRITE, "$TOPIC", "{event}: {text}", "{other}")), "finished", TEXT)
    words, read = json.loads(Path("told").read_text())
    assert words == ["my topic; echo", f"finished: {TEXT}", "{other}"]
    assert read == {"text": TEXT, "search": "composer", "event": "finished"}


def test_without_a_command_nothing_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    notify(spec(""), "finished", TEXT)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("no-such-program {text}", "[notify] 'no-such-program' could not be started: "),
        ("echo \0", "[notify] 'echo' could not be started: embedded null byte"),
        (python("import sys; sys.exit('\\033[31mred')"), "failed with status 1: [31mred"),
        (python("import sys; sys.exit('no network')"), "failed with status 1: no network"),
    ],
)
def test_a_command_that_fails_is_a_warning(command: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    notify(spec(command), "finished", TEXT)
    printed = capsys.readouterr().err
    assert printed.startswith("warning: ")
    assert line in printed
    assert printed.count("\n") == 1


def test_a_process_in_the_background_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    notify(spec("sh -c 'sleep 60 & exit 0'"), "finished", TEXT)
    assert capsys.readouterr().err == ""


def test_a_command_with_open_quotes_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"notify\.command = .* is not legal: it is a command line with closed"):
        spec("notify-send 'tunesmith")


def test_failures_are_told_and_interruptions_are_not() -> None:
    with pytest.raises(BadInputError), failures_notified(spec(python(WRITE, "{text}"))):
        raise BadInputError("the disk must not be full", "it is")
    words, _ = json.loads(Path("told").read_text())
    assert words == ["composer failed: the disk must not be full: it is"]
    Path("told").unlink()
    with pytest.raises(KeyboardInterrupt), failures_notified(spec(python(WRITE))):
        raise KeyboardInterrupt
    assert not Path("told").exists()


@pytest.mark.slow
@pytest.mark.xdist_group("searched")
def test_a_search_tells_its_result_and_a_finished_one_nothing(searched: Place) -> None:
    file = searched.folder / "told.toml"
    command = json.dumps(python(WRITE, "{text}"))
    file.write_text(f'name = "telling"\n[data]\ncorpus = "tunes"\n[notify]\ncommand = {command}\n')
    budget = ["--trials", "2", "--epochs", "1", "--slots", "1"]
    done = searched.run("search", "told.toml", *budget, *TINY)
    assert done.returncode == 0, done.stderr
    [text], read = json.loads((searched.folder / "told").read_text())
    assert text.startswith("telling: all trials are done after ")
    assert "; the best is #" in text
    assert read["event"] == "finished"
    (searched.folder / "told").unlink()
    assert searched.run("search", "telling").returncode == 0
    assert not (searched.folder / "told").exists()
