"""The report on composed tunes as files: JSON, a Markdown page and a picture."""

from collections.abc import Mapping
from pathlib import Path

from data_prep.errors import BadInputError
from data_prep.storage import user_files
from data_prep.tunes.copies import CorpusIndex
from data_prep.tunes.corpus_measures import CorpusMeasures
from data_prep.tunes.notation import Tune
from tunesmith.console import json_text
from tunesmith.reports.tunes.contents import TuneReport, report_data
from tunesmith.reports.tunes.text import markdown


def write_report(
    tunes: Mapping[str, Tune],
    corpus: CorpusMeasures | None,
    index: CorpusIndex | None,
    folder: Path,
    name: str,
    *,
    replace: bool = False,
) -> tuple[TuneReport, list[Path]]:
    """Write the report next to the tunes' files: NAME.json, NAME.md and, with a corpus, NAME.png.

    Args:
        tunes: The tunes by the stem of their files.
        corpus: The measures of the corpus; None if it is not available.
        index: The index of the same corpus, to find copies.
        folder: The folder of the tunes' files.
        name: The stem of the report's files.
        replace: Whether to replace existing files.

    Returns:
        The report, and the files.

    Raises:
        BadInputError: If the folder is not writable, or a file exists and ``replace`` is false.
    """
    paths = [folder / f"{name}.json", folder / f"{name}.md"]
    picture = folder / f"{name}.png"
    if corpus is not None:
        paths.append(picture)
    user_files.check_new(paths, replace=replace)
    report = report_data(tunes, corpus, index)
    texts = [json_text(report), markdown(report, folder, picture.name)]
    try:
        for path, text in zip(paths, texts, strict=False):
            user_files.write(path, text.encode(), replace=replace)
    except OSError as error:
        value = f"{error.filename or folder} is not ({error.strerror or error})"
        raise BadInputError("the report must be writable", value, remedy="name another folder") from None
    if corpus is not None:
        from tunesmith.reports.pictures import save
        from tunesmith.reports.tunes.picture import draw

        save(draw(report, corpus), picture, replace=replace)
    return report, paths
