"""Home folders: which one a command means, and where else a search may be."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from data_prep.errors import BadInputError, unknown

VARIABLE = "TUNESMITH_HOME"
"""The environment variable that names the home folder of commands without ``--home``."""

_NAMED = 3
"""Homes that an error names at most."""


def standard_home() -> Path:
    """Return the home folder of a command without ``--home``."""
    return Path(os.environ.get(VARIABLE) or "runs").expanduser().absolute()


def nearby(home: Path, name: str) -> list[Path]:
    """Find other homes that hold a search: of folders above, beside and below the one that a home lies in.

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
    found = {one.resolve(): one for one in reversed(homes) if (one / "searches" / name / "search.toml").is_file()}
    return [one for real, one in reversed(found.items()) if real != home.resolve()]


def no_search(home: Path, name: str, known: Iterable[str], kind: str = "search") -> BadInputError:
    """Make the error for a search that is not in a home folder, with where it may be instead.

    Args:
        home: The home folder, absolute.
        name: The name that was given.
        known: What could have been meant there.
        kind: What the name could name.

    Returns:
        The error, to be raised by the caller.
    """
    others, names = nearby(home, name)[:_NAMED], list(known)
    if others:
        return BadInputError(
            f"no {kind} is called {name!r} in the home folder {home}, but {' and '.join(map(str, others))} "
            f"{'has' if len(others) == 1 else 'have'} one: add --home {shlex.quote(str(others[0]))}"
        )
    if names:
        return unknown(kind, name, names, f"in the home folder {home}; --home or {VARIABLE} names another")
    return BadInputError(
        f"no {kind} is called {name!r}: the home folder {home} has none; --home or {VARIABLE} names another"
    )
