"""Home folders: the default one, and others where a search may be."""

import os
from collections.abc import Iterable
from pathlib import Path

from data_prep.errors import Action, BadInputError, unknown

VARIABLE = "TUNESMITH_HOME"
"""The environment variable that names the home folder of commands without ``--home``."""

_NAMED = 3
"""Most homes that an error names."""


def standard_home() -> Path:
    """Return the home folder of a command without ``--home``."""
    return Path(os.environ.get(VARIABLE) or "runs").expanduser().absolute()


def nearby(home: Path, name: str) -> list[Path]:
    """Find other homes that hold a search: of folders above, beside and below the parent of a home.

    Args:
        home: The home folder, absolute.
        name: The search's name.

    Returns:
        The homes, the nearest first.
    """
    here = home.parent
    homes = [folder / home.name for folder in here.parents]
    for pattern in ("*", f"*/{home.name}"):
        homes += sorted(place.parent for folder in (here, here.parent) for place in folder.glob(f"{pattern}/searches"))
    holders = [path for path in reversed(homes) if (path / "searches" / name / "search.toml").is_file()]
    distinct = {path.resolve(): path for path in holders}
    return [path for real, path in reversed(distinct.items()) if real != home.resolve()]


def no_search(home: Path, name: str, known: Iterable[str], kind: str = "search") -> BadInputError:
    """Return the error for a search that is not in a home folder, with where it may be instead.

    Args:
        home: The home folder, absolute.
        name: The name that was given.
        known: The names that exist there.
        kind: What the name could name.

    Returns:
        The error, to be raised by the caller.
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
