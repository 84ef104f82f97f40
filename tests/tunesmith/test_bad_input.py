"""Bad input: one line with the rule, the value and the remedy, exit status 2, and no traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from data_prep.randomness import stream
from tunesmith.cli import run


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TUNESMITH_HOME", raising=False)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("data show onells", "did you mean 'oneills'?"),
        ("data show ./no-such-folder", "there is no folder"),
        ("search compser", "did you mean 'composer'?"),
        ("search missing.toml", "missing.toml"),
        ("search composer --name a/b", "a search's name is"),
        ("search composer --set siez=3", "did you mean 'size'?"),
        ("search composer --set size=0", "size"),
        ("search composer --time soon", "4m30s"),
        ("search composer --time 30", 'is it seconds, "30s", or minutes, "30m"?'),
        ("search composer --warm-start jazz", "no search is called 'jazz': the home folder /"),
        ("search composer --warm-start composer", "a search takes the points of other searches: composer is its own"),
        ("search composer --warm-start jazz --dry-run", "no search is called 'jazz'"),
        ("search composer --warm-start a/b", "a search's name is"),
        ("search composer --storage shared", "storage is a folder's absolute path"),
        ("search composer --storage s3://bucket?regoin=eu", "did you mean 'region'?"),
        ("search composer --corpus onells", "did you mean 'oneills'?"),
        ("search composer --corpus onells", "there is no such folder in /"),
        ("trial compser", "did you mean 'composer'?"),
        ("trial composer --set siez=3", "did you mean 'size'?"),
        ("trial composer --set size", "name=value"),
        ("trial composer --set size=-1", "it is a whole number from 1"),
        ("trial composer --set optimiser=adam --set weight_decay=0.5", "it needs optimiser = adamw"),
        ("trial composer --preset table1/25", "did you mean 'table1/"),
        ("trial --like composer", "SEARCH/NUMBER"),
        ("trial composer --folds=", "folds are a number from 2"),
        ("trial composer --corpus=", "a corpus is a name or a folder: got ''"),
        ("trial composer --corpus=:style", "there is no such folder"),
        ("trial composer --repeats=", "no reading of repeats is called ''"),
        ("trial --like composer/1 --folds=", "--like repeats a trial unchanged"),
        ("search composer --corpus=", "a corpus is a name or a folder: got ''"),
        ("trial composer --keep 7", "a kept model's name is not a number"),
        ("trial composer --keep a/b", "a kept model's name is 1 to 64 letters"),
        ("compose --model kept/mine", "no kept model is called 'kept/mine'"),
        ("compose --model=", ". is not a checkpoint of this program (it is not a regular file)"),
        ("compose --model=/", "/ is not a checkpoint of this program"),
        ("compose --trial kept/../mine", "no kept model is called 'kept/../mine'"),
        ("show kept/mine", "no kept model is called 'kept/mine'"),
        ("trial --like composer/1 --set size=3", "omit --set"),
        ("trials composer", "no search is called 'composer'"),
        ("show composer/3", "no search is called 'composer'"),
        ("ui", "the home folder must have tracked runs"),
        ("ui composer", "no search is called 'composer'"),
        ("--home /proc/nowhere trials", "No such option"),
        ("data show --home /proc/nowhere", "(tunesmith data show --help)"),
        ("search composer --home /proc/nowhere", "the home folder must be"),
        ("trials composer --home /proc/nowhere", "the home folder /proc/nowhere has none"),
    ],
)
def test_invalid_arguments_are_reported_in_one_line(
    command: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(command.split())
    printed = capsys.readouterr()
    assert status == 2
    assert message in " ".join(printed.err.split())
    assert "Traceback" not in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        (
            "search composer --set size=0 --json",
            {"rule": "size = 0 is not legal", "value": "it is a whole number from 1 to 2048 units", "where": "--set"},
        ),
        ("trials --json", {"rule": "Missing argument 'NAME'."}),
        ("trials composer --json", {"rule": "no search is called 'composer'"}),
    ],
)
def test_with_json_an_error_is_a_line_of_json_on_standard_error(
    command: str, parts: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    error = json.loads(printed.err)
    assert error["status"] == 2
    assert error.items() >= parts.items()
    assert run(command.replace(" --json", "").split()) == 2
    assert capsys.readouterr().err == f"error: {error['error']}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budget = [", "a search file is TOML"),
        ("[budget]\ntrails = 3\n", "did you mean 'trials'? "),
        ("[space]\nsize = { low = 0, high = 64 }\n", "size"),
        ("[space]\nlr = { low = 1e-3, hihg = 1e-2 }\n", "line 2"),
        ("[budget]\n\ntrials = 0\n", "line 3"),
        ('[storage]\nurl = "gs://B"\n', "storage names a bucket"),
        ("[warm_start]\npoints = -1\n", "warm_start.points = -1 is not legal"),
    ],
)
def test_an_invalid_search_file_is_reported_with_the_line(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text(text)
    assert run(["search", "mine.toml"]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert message.strip() in error
    assert "mine.toml" in error
    assert "line " in error or "at end of document" in error


@pytest.mark.parametrize("command", ["trials mine", "show mine/0", "trial --like mine/0", "search mine"])
def test_a_search_in_another_home_is_suggested_and_none_is_started(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("there/runs/searches/mine", "here"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "there" / "runs" / "searches" / "mine" / "search.toml").touch()
    monkeypatch.chdir(tmp_path / "here")
    assert run(command.split()) == 2
    error = capsys.readouterr().err
    assert f"(--home {tmp_path}/there/runs)" in error
    assert "tunesmith search" not in error
    assert not list(Path().iterdir()), "the folder is not changed"


def test_credentials_in_a_storage_url_are_rejected_and_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "composer", "--storage", "s3://KEY:secret@bucket/x?secret_key=secret"]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "take them out, and give every machine AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in error
    assert "(--storage)" in error
    assert "secret@" not in error
    assert "=secret" not in error


def test_an_empty_folder_is_rejected_as_a_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert run(["data", "show", "empty"]) == 2
    assert "empty" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["", "data", "cluster"])
def test_without_arguments_only_the_help_is_printed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command.split()) == 2
    printed = capsys.readouterr()
    assert "Usage" in printed.out
    assert printed.err == ""


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--debug", "data", "show", "onells"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_help_does_not_import_heavy_libraries() -> None:
    code = (
        "import sys\nfrom tunesmith.cli import run\nrun(['search', '--help'])\n"
        "heavy = {'torch', 'ray', 'mlflow', 'optuna', 'music21', 'pyarrow', 'pandas'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--dry-run" in done.stdout


def test_a_search_imports_ray_when_it_starts_ray_and_other_libraries_after_its_first_trials_started() -> None:
    code = (
        "import sys\nimport tunesmith.run_search, tunesmith.commands.search, tunesmith.searching.baseline_scoring\n"
        "early = {'ray', 'torch', 'mlflow'} & set(sys.modules)\n"
        "tunesmith.run_search.quieten()\nimport search.driver.search_run\n"
        "early |= {'torch', 'mlflow', 'sqlalchemy', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported {early}' if early else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_setting_without_effect_on_the_data_causes_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = stream(0, "tunes in free time")
    (tmp_path / "free").mkdir()
    for number in range(10):
        notes = "".join(random.choice(list("CDEFGABcdefgab"), 24))
        (tmp_path / "free" / f"{number}.abc").write_text(f"X:1\nM:none\nL:1/8\nK:C\n{notes}|]\n")
    small = ["--corpus", "free", "--set", "size=4", "--set", "embedding=4"]
    message = (
        "warning: no piece of free has a metre and notes that are full bars apart: copying from earlier bars has no "
        "effect\n"
    )
    for command in (["trial", "composer", "--no-track", "--set", "epochs=1"], ["search", "composer", "--dry-run"]):
        assert run([*command, *small]) == 0
        assert capsys.readouterr().err.count(message) == 1
        assert run([*command, *small, "--set", "copying=match"]) == 0
        assert "warning" not in capsys.readouterr().err
