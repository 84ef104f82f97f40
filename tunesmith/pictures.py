"""Pictures into files."""

from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import BadInputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save(figure: "Figure", path: Path) -> None:
    """Write a figure in the format of the file's ending; a BadInputError says why it cannot be."""
    try:
        figure.savefig(path)  # pyright: ignore[reportUnknownMemberType]
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise BadInputError(f"the picture must be writable: {path} ({reason})") from None
