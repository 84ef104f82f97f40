"""How commands are typed here: by name where the shell finds them, else as this program itself was called."""

import os
import re
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

_COMMAND = re.compile(
    r"\b(tunesmith(?= (?:--help|search|trials?|show|promote|models|rollback|export|score|compose|perform|memorise|data|"
    r"cluster|doctor|ui)\b)|mlflow(?= models serve\b))"
)
"""A program's name before what it can do."""


def as_called_here(text: str) -> str:
    """Write the commands in a text as they can be typed here, as ".venv/bin/tunesmith ui" for "tunesmith ui"."""
    return _COMMAND.sub(lambda found: called(found[0], sys.argv[0]), text)


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
