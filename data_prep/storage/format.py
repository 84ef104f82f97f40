"""Version check of stored formats."""

from data_prep.errors import BadInputError


def check_format(kind: str, written: int, newest: int, where: str) -> None:
    """Check that this version of the program can read a stored format.

    Args:
        kind: The kind of stored data, in the plural ("note tables").
        written: The format number of the stored data.
        newest: The greatest format number that this version reads.
        where: Location of the stored data.

    Raises:
        BadInputError: If a newer version wrote the data.
    """
    if written > newest:
        raise BadInputError(
            f"this version of tunesmith reads {kind} up to format {newest}",
            f"got format {written}",
            where,
            "upgrade tunesmith",
        )
