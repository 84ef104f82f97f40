"""Command lines that users can run, with the name or the path by which this program was called."""

import os
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Final

from search.study.homes import standard_home

WITHOUT_HOME: Final = frozenset(("cluster", "data", "listen", "memorise"))
"""Commands that are suggested without the option --home."""

_option: dict[str, list[str]] = {"home": []}


def set_home(home: Path | None) -> None:
    """Set the home folder that :func:`command` adds to command lines; the default one (None) needs no option."""
    _option["home"] = [] if home is None or home == standard_home() else ["--home", str(home)]


def home_option() -> list[str]:
    """Return the option --home that :func:`command` adds, empty for the default home folder."""
    return _option["home"]


def command(*words: str) -> str:
    """Return a command line of tunesmith that the user can run.

    Args:
        *words: The command, its arguments and its options, unquoted.

    Returns:
        The line, with --home if the command has this option and the home folder is not the default one.
    """
    home = [] if words[0] in WITHOUT_HOME else home_option()
    return f"{called('tunesmith', sys.argv[0])} {shlex.join([*words, *home])}"


@cache
def called(name: str, program: str) -> str:
    """Return the words that run a program of this environment.

    Args:
        name: The program's name.
        program: The first word of this program's command line.

    Returns:
        The name if the shell finds that program, else its path or "python -m NAME", as this program was called.
    """
    on_path, path = shutil.which(name), Path(program)
    if path.parts[-2:] == ("tunesmith", "__main__.py"):
        return name if on_path and _same_folder(on_path, sys.executable) else f"{_short(sys.executable)} -m {name}"
    if os.sep not in program or path.name != "tunesmith" or (on_path and _same_folder(on_path, program)):
        return name
    return shlex.quote(str(path.with_name(name)))


def _same_folder(first: str, second: str) -> bool:
    return Path(first).parent.resolve() == Path(second).parent.resolve()


def _short(path: str) -> str:
    """Return a path, relative to the current folder if it is below it, with shell quotes."""
    relative = os.path.relpath(path)
    return shlex.quote(path if relative.startswith("..") else relative)
