"""Printed commands can be run: they call the program as the user called it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from search.study.homes import VARIABLE
from tunesmith.cli import app, run
from tunesmith.home import home_folder
from tunesmith.program import WITHOUT_HOME, called, command


@pytest.fixture(autouse=True)
def _clear_the_cache() -> None:
    called.cache_clear()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ``bin`` folder of an environment that is not active."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("tunesmith", "mlflow"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return folder


def test_a_program_called_by_its_path_is_printed_with_the_path(environment: Path) -> None:
    assert called("tunesmith", ".venv/bin/tunesmith") == ".venv/bin/tunesmith"
    assert called("mlflow", ".venv/bin/tunesmith") == ".venv/bin/mlflow"
    assert called("tunesmith", str(environment / "tunesmith")) == str(environment / "tunesmith")


def test_a_program_that_the_shell_finds_is_printed_by_name(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{environment}:/usr/bin")
    for typed in (".venv/bin/tunesmith", str(environment / "tunesmith"), "tunesmith"):
        assert called("tunesmith", typed) == "tunesmith"


def test_another_program_of_the_same_name_is_not_used(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    environment.rename(other)
    monkeypatch.setenv("PATH", str(other))
    assert called("tunesmith", ".venv/bin/tunesmith") == ".venv/bin/tunesmith"


def test_a_module_is_printed_with_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert called("tunesmith", "somewhere/tunesmith/__main__.py") == f"{sys.executable} -m tunesmith"


@pytest.mark.parametrize("program", ["-c", "bin/pytest", "site-packages/pytest/__main__.py"])
def test_other_programs_print_the_name(program: str) -> None:
    assert called("tunesmith", program) == "tunesmith"


def test_words_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["./bin/tunesmith"])
    assert command("data", "show", "my tunes", "--json") == "bin/tunesmith data show 'my tunes' --json"


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, without a home folder in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "argv", ["tunesmith"])
    return tmp_path


def test_a_command_has_the_home_option_only_if_necessary(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for home, option in ((None, ""), (Path("runs"), ""), (Path("a b"), f" --home '{homes}/a b'")):
        home_folder(home, make=False)
        assert command("show", "a/1") == f"tunesmith show a/1{option}"
    assert command("data", "list") == "tunesmith data list"
    monkeypatch.setenv(VARIABLE, str(homes / "elsewhere"))
    home_folder(homes / "elsewhere", make=False)
    assert command("ui") == "tunesmith ui"
    home_folder(homes / "runs", make=False)
    assert command("ui") == f"tunesmith ui --home {homes}/runs"


def test_commands_without_home_are_those_without_the_option() -> None:
    commands = getattr(get_command(app), "commands")  # noqa: B009  (typer does not declare it)
    names = {name for name, group in commands.items() if all(option.name != "home" for option in group.params)}
    assert names == WITHOUT_HOME


def test_commands_in_errors_and_results_have_the_given_home(homes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = homes / "[my] home"
    (home / "searches").mkdir(parents=True)
    assert run(["models", "--home", str(home)]) == 0
    assert f"tunesmith promote NAME --home '{home}'" in " ".join(capsys.readouterr().out.split())
    assert run(["ui", "--home", str(home)]) == 2
    assert f"run a search first: tunesmith search composer --home '{home}'" in " ".join(capsys.readouterr().err.split())


def test_a_command_in_an_error_can_be_run(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    environment = {**os.environ, "PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, "-m", "tunesmith"]
    done = subprocess.run([*program, "ui"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    hint = re.search(r"first: (.*)$", done.stderr.strip())
    assert hint is not None, done.stderr
    again = subprocess.run(
        ["sh", "-c", f"{hint[1]} --help"], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    assert b"--dry-run" in again.stdout
