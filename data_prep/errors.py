"""The one error that a user's input raises: the rule, the value, where it stands and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 100
"""Characters of a value that an error shows."""


class BadInputError(ValueError):
    """Something a user gave cannot be used.

    The message is one line that states the rule, then the value and where it came from (file, key, piece), then the
    remedy. The command line prints it without a traceback and exits with status 2.
    """


def unknown(kind: str, value: str, known: Iterable[str], where: str = "") -> BadInputError:
    """Make the error for a name that is not among the known ones, with the nearest right name.

    Args:
        kind: What the name names, in the singular ("corpus", "setting").
        value: The name that was given.
        known: The names that exist.
        where: Where the name stands ("my-search.toml line 4"), or nothing.

    Returns:
        The error, to be raised by the caller.
    """
    names = sorted(known)
    near = get_close_matches(value[:_LONGEST], names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
    place = f" ({where})" if where else ""
    return BadInputError(f"no {kind} is called {shown(value)}{place}; {hint}")


def shown(value: object) -> str:
    """Return a value as errors show it: in Python's notation, cut where it is long.

    Args:
        value: What a user gave.

    Returns:
        At most about a hundred characters.
    """
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # Python's own limits, as on the digits of a number
        return f"{type(value).__name__} too large to be shown"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"
