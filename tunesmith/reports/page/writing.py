"""The file of a report."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from data_prep.errors import BadInputError
from data_prep.storage import user_files
from search.study.database import read_search
from tunesmith.console import err
from tunesmith.progress_bar import Bar


def write_report(home: Path, searches: Sequence[str], target: Path | None, *, replace: bool) -> Path:
    """Write the report of one or several searches.

    Args:
        home: The home folder.
        searches: Their names.
        target: The file; None is named after the first search, in the current folder.
        replace: Whether to replace an existing file.

    Returns:
        The file.

    Raises:
        BadInputError: If there is no such search, or the file cannot be written.
    """
    records = [read_search(home, name) for name in dict.fromkeys(searches)]
    path = target or Path(f"{searches[0]}.html")
    if path.suffix.lower() not in (".html", ".htm"):
        raise BadInputError("the file of a report ends in .html", f"got {str(path)!r}", "--out")
    if not path.absolute().parent.is_dir():
        raise BadInputError("the folder of a report must exist", f"{path.absolute().parent} does not", "--out")
    user_files.check_new([path], replace=replace)
    from tunesmith.reports.page.document import document  # imports plotly
    from tunesmith.reports.page.winner import winner_music
    from tunesmith.searching.data import prepare_data

    with Bar() as bar:
        music = {
            record.spec.name: winner_music(
                record, home, partial(prepare_data, record.spec.data, progress=bar)
            ).for_player
            for record in records
        }
    with err.status("drawing the figures ..."):
        page = document(records, music).encode()
    try:
        user_files.write(path, page, replace=replace)
    except OSError as error:
        raise BadInputError("the report could not be written", error.strerror or str(error), str(path)) from None
    return path
