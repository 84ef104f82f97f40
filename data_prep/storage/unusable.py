"""The error of a place that cannot be read or written, whatever it is made of."""

from data_prep.errors import BadInputError


class UnusablePlaceError(BadInputError):
    """A place cannot be read or written; the message is one line for the user."""


def unusable(label: str, reason: str, remedy: str) -> UnusablePlaceError:
    """Make the error.

    Args:
        label: Where the place is.
        reason: Why it cannot be used.
        remedy: What to do.

    Returns:
        The error, to be raised by the caller.
    """
    return UnusablePlaceError(f"storage must be readable and writable: {label} is not ({reason}); {remedy}")
