"""Where a user's state lives: one folder with the studies, MLflow's store, checkpoints and exports."""

import os
from pathlib import Path

from data_prep.errors import BadInputError
from search.study.homes import standard_home
from tunesmith.program import mean_home


def home_folder(given: Path | None, *, make: bool = True) -> Path:
    """Choose the home folder and make it.

    Args:
        given: The folder of ``--home``; without it TUNESMITH_HOME counts, then ``./runs``.
        make: Whether to make it; who only reads what is there leaves other folders as they are.

    Returns:
        Its absolute path.

    Raises:
        BadInputError: If it is no folder that can be written to.
    """
    path = given.expanduser().absolute() if given else standard_home()
    mean_home(path)
    if not make:
        return path
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(
            f"the home folder must be a folder that can be written to: {path} ({error.strerror}); "
            "name another with --home"
        ) from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise BadInputError(f"the home folder must be writable: {path} is not; name another with --home")
    return path
