"""Errors in words: the commands and options that do what an error's remedy asks for."""

from collections.abc import Mapping
from shlex import quote

from data_prep.errors import Action, ActionName, BadInputError

COMMANDS: Mapping[ActionName, str] = {
    "resume search": "tunesmith search {search}",
    "raise budget": "tunesmith search {search} --trials {trials}",
    "remove time limit": "tunesmith search {search} --time none",
    "list trials": "tunesmith trials {search}",
    "repeat trial": "tunesmith trial --like {search}/{trial}",
    "rename search": "--name",
    "choose home": "--home",
    "use home": "--home {home}",
    "replace files": "--force",
    "promote": "tunesmith promote {search}",
    "promote by force": "--force --reason",
    "repeat promotion": "tunesmith promote {search} --trial {trial} --networks {networks}",
    "list models": "tunesmith models",
    "score seen pieces": "--keep-seen",
    "follow job": "tunesmith cluster follow {job}",
    "stop job": "tunesmith cluster stop {job}",
    "show cluster": "tunesmith cluster status",
    "write launch file": "tunesmith cluster init",
    "choose address": "--address",
}
"""The command, or the option of the present command, that does an action."""


def in_words(error: BadInputError) -> str:
    """Return an error's line, with the command or the option that does what its remedy asks for."""
    if error.action is None:
        return str(error)
    command = command_for(error.action)
    return f"{error} ({command})" if command.startswith("-") else f"{error}: {command}"


def command_for(action: Action) -> str:
    """Return the command, or the option, that does an action."""
    return COMMANDS[action.name].format(**{name: quote(str(value)) for name, value in action.values.items()})
