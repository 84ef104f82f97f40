"""The home folder, which contains a user's studies, MLflow's store and checkpoints; and other folders for output."""

import os
from pathlib import Path

from data_prep.errors import Action, BadInputError
from search.study.homes import standard_home
from tunesmith.program import set_home


def home_folder(option: Path | None, *, make: bool = True) -> Path:
    """Return the home folder.

    Args:
        option: The value of ``--home``; None is TUNESMITH_HOME, or else ``./runs``.
        make: Whether to create the folder; commands that only read do not.

    Returns:
        The folder's absolute path.

    Raises:
        BadInputError: If ``make`` is true and the folder is not writable.
    """
    path = option.expanduser().absolute() if option else standard_home()
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


def make_folder(path: Path, contents: str, option: str) -> None:
    """Create a folder for output; raise BadInputError, which suggests another value of an option, if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        value, remedy = f"{path} is not ({error.strerror})", f"name another with {option}"
        raise BadInputError(f"the folder of {contents} must be writable", value, remedy=remedy) from None
