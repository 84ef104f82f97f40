"""Commands that are printed can be pasted: they name the program as it is found here."""

import os
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from typer.main import get_command

from search.study.homes import VARIABLE
from tunesmith.cli import app, run
from tunesmith.home import home_folder
from tunesmith.program import AT_HOME, as_called_here, called, mean_home


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    called.cache_clear()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an environment in it that is not activated."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("tunesmith", "mlflow"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return folder


def test_a_program_that_is_called_by_its_path_is_named_by_it(environment: Path) -> None:
    assert called("tunesmith", ".venv/bin/tunesmith") == ".venv/bin/tunesmith"
    assert called("mlflow", ".venv/bin/tunesmith") == ".venv/bin/mlflow"
    assert called("tunesmith", str(environment / "tunesmith")) == str(environment / "tunesmith")


def test_a_program_that_the_shell_finds_is_named_as_it_is(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{environment}:/usr/bin")
    for typed in (".venv/bin/tunesmith", str(environment / "tunesmith"), "tunesmith"):
        assert called("tunesmith", typed) == "tunesmith"


def test_another_one_that_the_shell_finds_is_not_meant(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    environment.rename(other)
    monkeypatch.setenv("PATH", str(other))
    assert called("tunesmith", ".venv/bin/tunesmith") == ".venv/bin/tunesmith"


def test_a_module_is_named_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert called("tunesmith", "somewhere/tunesmith/__main__.py") == f"{sys.executable} -m tunesmith"


@pytest.mark.parametrize("program", ["-c", "bin/pytest", "site-packages/pytest/__main__.py"])
def test_a_program_that_only_imports_the_command_line_names_it_plainly(program: str) -> None:
    assert called("tunesmith", program) == "tunesmith"


def test_every_command_is_known_and_nothing_else_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["./bin/tunesmith"])
    for command in getattr(get_command(app), "commands"):  # noqa: B009  (typer does not say that it has them)
        assert as_called_here(f"type 'tunesmith {command} x'") == f"type 'bin/tunesmith {command} x'"
    for text in ("tunesmith 0.1.0", "tunesmith is an application", "models:/tunesmith-composer", "mlflow-server.log"):
        assert as_called_here(text) == text


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A folder to be in, of which a home was meant before and is not afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "argv", ["tunesmith"])
    yield tmp_path
    mean_home(None)


def test_a_command_says_its_home_only_where_it_must(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for given, option in ((None, ""), (Path("runs"), ""), (Path("a b"), f" --home '{homes}/a b'")):
        home_folder(given, make=False)
        assert as_called_here("'tunesmith show a/1'") == f"'tunesmith show{option} a/1'"
    assert as_called_here("tunesmith show --home x a/1; tunesmith data list") == (
        "tunesmith show --home x a/1; tunesmith data list"
    )
    monkeypatch.setenv(VARIABLE, str(homes / "elsewhere"))
    home_folder(homes / "elsewhere", make=False)
    assert as_called_here("tunesmith ui") == "tunesmith ui"
    home_folder(homes / "runs", make=False)
    assert as_called_here("tunesmith ui") == f"tunesmith ui --home {homes}/runs"


def test_commands_with_a_home_are_those_that_take_the_option() -> None:
    commands = getattr(get_command(app), "commands")  # noqa: B009  (as above)
    assert set(AT_HOME.split("|")) == {
        name for name, command in commands.items() if any(one.name == "home" for one in command.params)
    }


def test_errors_and_results_of_a_home_offer_commands_that_lead_there(
    homes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = homes / "[my] home"
    (home / "searches").mkdir(parents=True)
    assert run(["models", "--home", str(home)]) == 0
    assert f"tunesmith promote --home '{home}' NAME" in " ".join(capsys.readouterr().out.split())
    assert run(["models", "composer@1", "--home", str(home)]) == 2
    assert f"tunesmith promote --home '{home}' NAME" in " ".join(capsys.readouterr().err.split())


def test_a_hint_is_a_command_that_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    environment = {**os.environ, "PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tunesmith"]
    done = subprocess.run([*command, "ui"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    hint = re.search(r"run '(.*?)' first", done.stderr)
    assert hint is not None, done.stderr
    again = subprocess.run(
        ["sh", "-c", f"{hint[1]} --help"], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    assert b"--dry-run" in again.stdout
