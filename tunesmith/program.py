"""How commands are typed here: by name where the shell finds them, else as this program itself was called.

A command that was given a home folder offers commands for that one too.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from search.study.homes import standard_home

AT_HOME = "search|trials|trial|show|promote|models|rollback|export|score|compose|perform|doctor|ui"
"""Commands with the option --home."""

_COMMAND = re.compile(
    rf"\b(?:tunesmith(?P<at_home> (?:{AT_HOME})\b(?! --home))|"
    r"tunesmith(?= (?:--help|memorise|data|cluster)\b)|mlflow(?= models serve\b))"
)
"""A program's name, with what it is to do where that depends on a home folder."""

_meant: dict[str, str] = {}


def mean_home(home: Path | None) -> None:
    """Have the commands that are offered from now on mean a home folder; None is the standard one."""
    _meant["home"] = "" if home is None or home == standard_home() else f" --home {shlex.quote(str(home))}"


def as_called_here(text: str, quoted: Callable[[str], str] = str) -> str:
    """Write the commands in a text as they can be typed here, as ".venv/bin/tunesmith ui" for "tunesmith ui".

    Args:
        text: The text.
        quoted: How what is put into it is to be written there.

    Returns:
        The text with commands as they can be typed.
    """

    def typed(found: re.Match[str]) -> str:
        name, command = called(found[0].partition(" ")[0], sys.argv[0]), found["at_home"]
        return quoted(f"{name}{command}{_meant.get('home', '')}" if command else name)

    return _COMMAND.sub(typed, text)


@cache
def called(name: str, program: str) -> str:
    """Say how a program of this environment is called.

    Args:
        name: Its name.
        program: How this program was called: the first word of its command line.

    Returns:
        Its name if the shell finds it; else the same way by which this program was found.
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
    """Write a path below the folder to work in as it is seen from there."""
    here = os.path.relpath(path)
    return shlex.quote(path if here.startswith("..") else here)
