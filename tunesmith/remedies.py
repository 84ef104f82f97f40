"""Errors in words: the commands and options that do what an error's remedy asks for."""

from collections.abc import Mapping
from shlex import join

from data_prep.errors import Action, ActionName, BadInputError
from tunesmith.program import command

COMMANDS: Mapping[ActionName, str] = {
    "resume search": "search {search}",
    "raise budget": "search {search} --trials {trials}",
    "remove time limit": "search {search} --time none",
    "list trials": "trials {search}",
    "repeat trial": "trial --like {search}/{trial}",
    "rename search": "--name",
    "choose home": "--home",
    "use home": "--home {home}",
    "replace files": "--force",
    "promote": "promote {search}",
    "promote by force": "--force --reason",
    "repeat promotion": "promote {search} --trial {trial} --networks {networks}",
    "list models": "models",
    "score seen pieces": "--keep-seen",
    "follow job": "cluster follow {job} --address {address}",
    "stop job": "cluster stop {job} --address {address}",
    "show cluster": "cluster status",
    "write launch file": "cluster init",
    "choose address": "--address",
    "start cluster": "cluster up {file}",
    "submit search": "cluster submit {file} --address {address}",
    "submit search to home": "cluster submit {file} --address {address} --home {home}",
}
"""The words of the command, or the option of the present command, that does an action."""


def in_words(error: BadInputError) -> str:
    """Return an error's line, with the command or the option that does what its remedy asks for."""
    remedy = remedy_in_words(error)
    return f"{error.problem}; {remedy}" if remedy else error.problem


def remedy_in_words(error: BadInputError) -> str:
    """Return an error's remedy, with the command or the option that does it; empty if it has none."""
    if error.action is None:
        return error.remedy
    text = command_for(error.action)
    if not error.remedy:
        return text
    return f"{error.remedy} ({text})" if text.startswith("-") else f"{error.remedy}: {text}"


def command_for(action: Action) -> str:
    """Return the command as it can be typed here, or the option, that does an action."""
    words = [word.format(**action.values) for word in COMMANDS[action.name].split()]
    return join(words) if words[0].startswith("-") else command(*words)
