"""Creating figures and writing them to files."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from data_prep.errors import BadInputError
from data_prep.storage import user_files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


def new_figure(**options: Any) -> Any:
    """Return a matplotlib figure without a window; it is typed as Any, since matplotlib is partly untyped."""
    from matplotlib.figure import Figure

    return Figure(**options)


def check_writable(path: Path, *, replace: bool) -> None:
    """Check that a picture can be written to a file, before it is computed.

    Args:
        path: The file.
        replace: Whether an existing file may be replaced.

    Raises:
        BadInputError: If the suffix is not one of SUFFIXES, the folder does not exist, or the file exists and
            ``replace`` is false.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BadInputError(f"a picture's file ends in {', '.join(SUFFIXES)}", f"got {str(path)!r}")
    if not path.absolute().parent.is_dir():
        raise BadInputError("the folder of a picture must exist", f"{path.absolute().parent} does not")
    user_files.check_new([path], replace=replace)


def save(figure: "Figure", path: Path, *, replace: bool, **options: Any) -> None:
    """Write a figure.

    Args:
        figure: The figure.
        path: The file; its suffix, one of SUFFIXES, determines the format.
        replace: Whether an existing file may be replaced.
        **options: Other arguments of ``Figure.savefig``.

    Raises:
        BadInputError: If the file cannot be written, or exists and ``replace`` is false.
    """
    buffer, untyped = BytesIO(), cast("Any", figure)
    untyped.savefig(buffer, format=path.suffix[1:].lower(), **options)
    try:
        user_files.write(path, buffer.getvalue(), replace=replace)
    except OSError as error:
        raise BadInputError("the picture could not be saved", error.strerror or str(error), str(path)) from None
