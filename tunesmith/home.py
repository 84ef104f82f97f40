"""Where a user's state lives: one folder with the studies, MLflow's store, checkpoints and exports."""

import os
from pathlib import Path

from data_prep.errors import BadInputError

VARIABLE = "TUNESMITH_HOME"


def home_folder(given: Path | None) -> Path:
    """Choose the home folder and make it.

    Args:
        given: The folder of ``--home``; without it TUNESMITH_HOME counts, then ``./runs``.

    Returns:
        Its absolute path.

    Raises:
        BadInputError: If it is no folder that can be written to.
    """
    path = Path(given or os.environ.get(VARIABLE) or "runs").expanduser().absolute()
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
