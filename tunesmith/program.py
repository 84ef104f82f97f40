"""Command lines as they can be typed here: with the name or the path by which this program was called."""

import os
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Final

from search.study.homes import standard_home

AT_HOME: Final = frozenset(
    [
        "search",
        "trials",
        "trial",
        "show",
        "promote",
        "models",
        "rollback",
        "export",
        "score",
        "compose",
        "perform",
        "doctor",
        "ui",
    ]
)
"""Commands with the option --home."""

_option: dict[str, list[str]] = {"home": []}


def set_home(home: Path | None) -> None:
    """Add a home folder to all commands that are shown from now on; None is the standard one, which needs no option."""
    _option["home"] = [] if home is None or home == standard_home() else ["--home", str(home)]


def command(*words: str) -> str:
    """Return a command line of tunesmith as it can be typed here.

    Args:
        *words: What follows the program's name, unquoted: the command, then its arguments and options.

    Returns:
        The line, with --home where the command takes it and this program was given another home folder.
    """
    home = _option["home"] if words[0] in AT_HOME else []
    return f"{called('tunesmith', sys.argv[0])} {shlex.join([*words, *home])}"


@cache
def called(name: str, program: str) -> str:
    """Return how a program of this environment is called.

    Args:
        name: Its name.
        program: How this program was called: the first word of its command line.

    Returns:
        Its name if the shell finds it, else a path or a module of Python, in the way that this program was called.
    """
    there, path = shutil.which(name), Path(program)
    if path.parts[-2:] == ("tunesmith", "__main__.py"):
        return name if there and _beside(there, sys.executable) else f"{_short(sys.executable)} -m {name}"
    if os.sep not in program or path.name != "tunesmith" or (there and _beside(there, program)):
        return name
    return shlex.quote(str(path.with_name(name)))


def _beside(one: str, other: str) -> bool:
    return Path(one).parent.resolve() == Path(other).parent.resolve()


def _short(path: str) -> str:
    """Return a path below the current folder relative to it."""
    here = os.path.relpath(path)
    return shlex.quote(path if here.startswith("..") else here)
