"""The version check of stored formats."""

from data_prep.errors import BadInputError


def check_format(kind: str, written: int, newest: int, where: str) -> None:
    """Reject what a newer version of this program wrote.

    Args:
        kind: What is stored, in the plural ("note tables").
        written: The format's number in what was stored.
        newest: The greatest number that this version reads.
        where: Where it is stored.

    Raises:
        BadInputError: If the number is greater.
    """
    if written > newest:
        raise BadInputError(
            f"this version of tunesmith reads {kind} up to format {newest}",
            f"got format {written}",
            where,
            "upgrade tunesmith",
        )
