"""The home folder, which holds a user's studies, MLflow's store, checkpoints and exports."""

import os
from pathlib import Path

from data_prep.errors import Action, BadInputError
from search.study.homes import standard_home
from tunesmith.program import set_home


def home_folder(given: Path | None, *, make: bool = True) -> Path:
    """Return the home folder.

    Args:
        given: The folder of ``--home``; without it TUNESMITH_HOME, then ``./runs``.
        make: Whether to create it; commands that only read do not.

    Returns:
        Its absolute path.

    Raises:
        BadInputError: If it is to be created and cannot be written to.
    """
    path = given.expanduser().absolute() if given else standard_home()
    set_home(path)
    if not make:
        return path
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(f"{path} cannot be created ({error.strerror})") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise _unwritable(f"{path} is not")
    return path


def _unwritable(value: str) -> BadInputError:
    return BadInputError("the home folder must be writable", value, remedy="name another", action=Action("choose home"))
