"""Creating figures, and writing them to files."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from data_prep.errors import BadInputError
from data_prep.storage import user_files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


def new_figure(**options: Any) -> Any:
    """Return a figure of matplotlib, which is partly untyped; it belongs to no window."""
    from matplotlib.figure import Figure

    return Figure(**options)


def check_writable(path: Path, *, replace: bool) -> None:
    """Check that a picture can be written to a file, before anything is computed for it.

    Args:
        path: The file.
        replace: Whether it may replace an existing file.

    Raises:
        BadInputError: If its suffix is not one of SUFFIXES, its folder does not exist, or it exists and may not be
            replaced.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BadInputError(f"a picture's file ends in {', '.join(SUFFIXES)}", f"got {str(path)!r}")
    if not path.absolute().parent.is_dir():
        raise BadInputError("the folder of a picture must exist", f"{path.absolute().parent} does not")
    user_files.check_new([path], replace=replace)


def save(figure: "Figure", path: Path, *, replace: bool, **how: Any) -> None:
    """Write a figure.

    Args:
        figure: The figure.
        path: The file; its suffix, one of SUFFIXES, sets the format.
        replace: Whether it may replace an existing file.
        **how: Other arguments of ``Figure.savefig``.

    Raises:
        BadInputError: If it cannot be written, or exists and may not be replaced.
    """
    drawn, untyped = BytesIO(), cast("Any", figure)
    untyped.savefig(drawn, format=path.suffix[1:].lower(), **how)
    try:
        user_files.write(path, drawn.getvalue(), replace=replace)
    except OSError as error:
        raise BadInputError("the picture must be writable", f"{path} is not ({error.strerror or error})") from None
