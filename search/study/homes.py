"""Home folders: the default, and other folders that may contain a search."""

import os
from collections.abc import Iterable
from pathlib import Path

from data_prep.errors import Action, BadInputError, unknown

VARIABLE = "TUNESMITH_HOME"
"""The environment variable with the home folder of commands without ``--home``."""

_NAMED = 3
"""Maximum number of homes in an error message."""


def standard_home() -> Path:
    """Return the home folder of a command without ``--home``."""
    return Path(os.environ.get(VARIABLE) or "runs").expanduser().absolute()


def nearby(home: Path, name: str) -> list[Path]:
    """Find other home folders that contain a search, in parents, siblings and children of the home's parent folder.

    Args:
        home: The home folder, absolute.
        name: The search's name.

    Returns:
        The home folders, nearest first.
    """
    here = home.parent
    homes = [folder / home.name for folder in here.parents]
    for pattern in ("*", f"*/{home.name}"):
        homes += sorted(place.parent for folder in (here, here.parent) for place in folder.glob(f"{pattern}/searches"))
    holders = [path for path in reversed(homes) if (path / "searches" / name / "search.toml").is_file()]
    distinct = {path.resolve(): path for path in holders}
    return [path for real, path in reversed(distinct.items()) if real != home.resolve()]


def no_search(home: Path, name: str, known: Iterable[str], kind: str = "search") -> BadInputError:
    """Return the error for a search that is not in a home folder, with other homes that contain it.

    Args:
        home: The home folder, absolute.
        name: The unknown name.
        known: The names in the home folder.
        kind: What the name refers to.

    Returns:
        The error.
    """
    others, names = nearby(home, name)[:_NAMED], list(known)
    if others:
        have = "has" if len(others) == 1 else "have"
        return BadInputError(
            f"no {kind} is called {name!r} in the home folder {home}",
            f"{' and '.join(map(str, others))} {have} one",
            remedy="use that home folder",
            action=Action("use home", {"home": others[0]}),
        )
    if names:
        return unknown(kind, name, names, f"in the home folder {home}; {VARIABLE} names another")
    return BadInputError(
        f"no {kind} is called {name!r}",
        f"the home folder {home} has none",
        remedy=f"choose another home folder, here or by {VARIABLE}",
        action=Action("choose home"),
    )
