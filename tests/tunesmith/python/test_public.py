"""The names of ``import tunesmith``, and its errors."""

import ast
import inspect
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

import tunesmith
from data_prep.errors import Action, ActionName, BadInputError
from tunesmith.home import home_folder
from tunesmith.python.loaded_search import LoadedSearch
from tunesmith.python.public import public
from tunesmith.python.remedies import CALLS, in_python
from tunesmith.remedies import COMMANDS

VALUES = {"search": "jigs", "trial": 7, "trials": 20, "networks": 3, "home": Path("/my runs")}


def test_the_functions_are_listed_and_imported_on_use() -> None:
    code = (
        "import sys\nimport tunesmith\nprint(dir(tunesmith))\n"
        "heavy = {'torch', 'ray', 'mlflow', 'optuna', 'numpy', 'pandas', 'rich', 'typer'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) == sorted(tunesmith.__all__)
    for name in tunesmith.__all__:
        function = getattr(tunesmith, name)
        assert function.__name__ == name
        assert inspect.getdoc(function)
    with pytest.raises(AttributeError, match="has no attribute 'serach'"):
        _ = tunesmith.serach  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


def test_the_functions_need_no_command() -> None:
    code = (
        "import sys, tunesmith\nfor name in tunesmith.__all__: getattr(tunesmith, name)\n"
        "sys.exit('typer' in sys.modules or any(name.startswith('tunesmith.commands') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_action_has_a_call_or_a_command() -> None:
    assert set(CALLS) <= set(get_args(ActionName)) <= set(CALLS) | set(COMMANDS)


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize("home", [None, Path("/other")])
def test_the_call_exists_with_its_arguments(action: ActionName, home: Path | None) -> None:
    home_folder(home, make=False)
    remedy = in_python(BadInputError("a rule", action=Action(action, VALUES))).remedy
    if not remedy.startswith("tunesmith."):
        arguments = {part.partition("=")[0] for part in remedy.split(", ")}
        functions = (getattr(tunesmith, name) for name in tunesmith.__all__)
        assert any(arguments <= set(inspect.signature(each).parameters) for each in (*functions, LoadedSearch.report))
        return
    [call] = [node for node in ast.walk(ast.parse(remedy)) if isinstance(node, ast.Call) and is_function(node.func)]
    assert isinstance(call.func, ast.Attribute)
    given = {word.arg or "": ast.literal_eval(word.value) for word in call.keywords}
    inspect.signature(getattr(tunesmith, call.func.attr)).bind(*map(ast.literal_eval, call.args), **given)
    assert given.get("home") == (str(home) if home else None)


def is_function(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tunesmith"


def test_a_remedy_is_worded_in_python() -> None:
    stopped = BadInputError("a rule", "got 1", "--warm-start", "resume it", Action("resume search", {"search": "jigs"}))
    assert str(in_python(stopped)) == 'a rule: got 1 (warm_start); resume it: tunesmith.search("jigs")'
    existing = BadInputError("a rule", remedy="name another with --out, or replace it", action=Action("replace files"))
    assert str(in_python(existing)) == "a rule; name another with path, or replace it (replace=True)"
    elsewhere = BadInputError("a rule", action=Action("show cluster"))
    assert str(in_python(elsewhere)).startswith("a rule; ")
    assert str(in_python(elsewhere)).endswith("cluster status")
    trial = BadInputError("a rule", action=Action("repeat trial", {"search": "jigs", "trial": 7}))
    assert str(in_python(trial)) == 'a rule; tunesmith.trial(like="jigs/7")'


@pytest.mark.parametrize(
    ("function", "argument", "hint"),
    [
        ("search", "trails", "did you mean 'trials'?"),
        ("trial", "sead", "did you mean 'seed'?"),
        ("load_search", "xyz", "its arguments are name, home"),
    ],
)
def test_a_mistyped_argument_names_the_nearest(function: str, argument: str, hint: str) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(tunesmith, function)("jigs", **{argument: 1})
    assert str(caught.value) == f"{function}() has no argument {argument!r}; {hint}"


@pytest.mark.parametrize(
    ("function", "arguments", "line"),
    [
        ("search", {"trials": "3"}, "search() takes trials as int | None: got '3'"),
        ("search", {"slots": True}, "search() takes slots as int | None: got True"),
        ("search", {"settings": ["x"]}, "search() takes settings as Mapping[str, object] | None: got ['x']"),
        ("search", {"warm_start": 5}, "search() takes warm_start as str | Sequence[str] | None: got 5"),
        ("load_search", {"name": None}, "load_search() takes name as str: got None"),
        ("trial", {"seed": "x"}, "trial() takes seed as int | None: got 'x'"),
        ("corpus", {"name": 5}, "corpus() takes name as str | pathlib.Path: got 5"),
        ("load_model", {"name": None}, "load_model() takes name as str | pathlib.Path: got None"),
    ],
)
def test_an_argument_of_a_wrong_type_is_an_error_of_the_call(
    function: str, arguments: dict[str, Any], line: str
) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(tunesmith, function)(**arguments)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tunesmith.search("compser"), "no search, search file or family is called 'compser'"),
        (
            lambda: tunesmith.search(settings={"sise": 8}),
            r"no setting is called 'sise' \(settings\); did you mean 'size'\?",
        ),
        (lambda: tunesmith.search(time="4"), r"is it seconds, \"4s\", or minutes, \"4m\"\?"),
        (lambda: tunesmith.corpus("onells"), "'oneills'"),
        (lambda: tunesmith.trial("composer", preset="table1/99"), "no preset is called 'table1/99'"),
        (lambda: tunesmith.trial("composer", folds=0), "folds are a number from 2"),
        (lambda: tunesmith.trial("composer", corpus=""), "a corpus is a name or a folder: got ''"),
        (
            lambda: tunesmith.trial("composer", like="jigs/7"),
            "omit family, settings, preset, corpus, repeats, folds",
        ),
        (lambda: tunesmith.promote("jigs", force=True), r"give both or neither \(force=True, reason=\)"),
        (
            lambda: tunesmith.load_search("of-no-test"),
            "has none; choose another home folder, here or by TUNESMITH_HOME",
        ),
    ],
)
def test_errors_are_those_of_the_command_line(
    call: Callable[[], object],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert "--" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_warnings_are_logged_and_nothing_is_printed(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from tunesmith.console import err, out, warn

    @public
    def speak() -> None:
        out.print("a result")
        err.print("progress")
        warn("take care")

    with caplog.at_level(logging.WARNING, "tunesmith"):
        speak()
    assert caplog.messages == ["take care"]
    assert capsys.readouterr() == ("", "")
    out.print("a result")
    assert capsys.readouterr().out == "a result\n"
