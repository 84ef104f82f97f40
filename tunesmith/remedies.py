"""Errors as one line, with the commands and options that carry out their remedies."""

import errno
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
    "roll back": "rollback {family}",
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
"""The command, or the option of the current command, that carries out an action."""


def error_line(error: Exception) -> str:
    """Return an error as one line; a BadInputError ends with the command or option that carries out its remedy."""
    if isinstance(error, BadInputError):
        remedy = remedy_in_words(error)
        return f"{error.problem}; {remedy}" if remedy else error.problem
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full: {error.filename or ''}; free some space, then run the command again"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename or ''}"
    text = " ".join(str(error).split())[:300]
    return f"unexpected {type(error).__name__}: {text} (run again with --debug for the traceback)"


def error_parts(error: Exception) -> dict[str, str]:
    """Return the parts of an error that are not empty: rule, value, where and remedy."""
    if not isinstance(error, BadInputError):
        return {}
    parts = {"rule": error.rule, "value": error.value, "where": error.where, "remedy": remedy_in_words(error)}
    return {name: text for name, text in parts.items() if text}


def remedy_in_words(error: BadInputError) -> str:
    """Return an error's remedy, with the command or the option that carries it out; empty if there is none."""
    if error.action is None:
        return error.remedy
    text = command_for(error.action)
    if not error.remedy:
        return text
    return f"{error.remedy} ({text})" if text.startswith("-") else f"{error.remedy}: {text}"


def command_for(action: Action) -> str:
    """Return the command line, or the option, that carries out an action."""
    words = [word.format(**action.values) for word in COMMANDS[action.name].split()]
    return join(words) if words[0].startswith("-") else command(*words)
