"""Pictures into files."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError
from data_prep.storage import user_files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


def check_place(path: Path, *, replace: bool) -> None:
    """Refuse a place where no picture can be written, before anything is computed for it.

    Args:
        path: The file.
        replace: Whether one that is there may be replaced.

    Raises:
        BadInputError: If its ending is none of SUFFIXES, its folder is not there, or it is there and may not be
            replaced.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BadInputError(f"a picture's file ends in {', '.join(SUFFIXES)}: got {str(path)!r}")
    if not path.absolute().parent.is_dir():
        raise BadInputError(f"a picture is written into a folder that is there: {path.absolute().parent} is not")
    user_files.check_new([path], replace=replace)


def save(figure: "Figure", path: Path, *, replace: bool, **how: Any) -> None:
    """Write a figure.

    Args:
        figure: The figure.
        path: The file; its ending, one of SUFFIXES, says what kind of picture.
        replace: Whether one that is there may be replaced.
        **how: What else ``Figure.savefig`` takes.

    Raises:
        BadInputError: If it cannot be written, or is there and may not be replaced.
    """
    drawn = BytesIO()
    figure.savefig(drawn, format=path.suffix[1:].lower(), **how)  # pyright: ignore[reportUnknownMemberType]
    try:
        user_files.write(path, drawn.getvalue(), replace=replace)
    except OSError as error:
        raise BadInputError(f"the picture must be writable: {path} ({error.strerror or error})") from None
