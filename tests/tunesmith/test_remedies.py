"""Every action of an error is carried out by an existing command or option."""

import string
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from typer.main import get_command

from data_prep.errors import Action, ActionName, BadInputError
from tunesmith.cli import app
from tunesmith.remedies import COMMANDS, error_line


def options_of(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def every_command(command: Any) -> Iterator[Any]:
    yield command
    for each in getattr(command, "commands", {}).values():
        yield from every_command(each)


def test_every_action_has_a_command() -> None:
    assert set(COMMANDS) == set(get_args(ActionName))


@pytest.mark.parametrize("action", COMMANDS)
def test_the_command_exists_with_its_options(action: ActionName) -> None:
    words = COMMANDS[action].split()
    options = {word for word in words if word.startswith("-")}
    command: Any = get_command(app)
    if words[0].startswith("-"):
        assert any(options <= options_of(each) for each in every_command(command))
        return
    for word in words:
        command = command.commands[word] if hasattr(command, "commands") else command
    assert not hasattr(command, "commands")
    assert options <= options_of(command)


def test_values_are_quoted_and_options_are_in_parentheses() -> None:
    error = BadInputError("a rule", "got 1", "file.toml", "resume it", Action("resume search", {"search": "my file"}))
    assert str(error) == "a rule: got 1 (file.toml); resume it"
    assert error_line(error) == "a rule: got 1 (file.toml); resume it: tunesmith search 'my file'"
    with_option = BadInputError("a rule", remedy="choose another name", action=Action("rename search"))
    assert error_line(with_option) == "a rule; choose another name (--name)"
    without_remedy = BadInputError("a rule", action=Action("use home", {"home": "/my runs"}))
    assert error_line(without_remedy) == "a rule; --home '/my runs'"


def test_every_value_of_a_command_is_one_word() -> None:
    for command in COMMANDS.values():
        assert all(name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(command))
