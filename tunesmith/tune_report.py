"""The report on composed tunes as files beside theirs: JSON, a page in Markdown and a picture."""

from collections.abc import Mapping
from pathlib import Path

from data_prep.copies import CorpusIndex
from data_prep.corpus_measures import CorpusMeasures
from data_prep.errors import BadInputError
from data_prep.tunes import Tune
from tunesmith.console import json_text
from tunesmith.report_data import Report, report_data
from tunesmith.report_text import markdown


def write_report(
    tunes: Mapping[str, Tune], corpus: CorpusMeasures | None, index: CorpusIndex | None, folder: Path, name: str
) -> tuple[Report, list[Path]]:
    """Write the report beside the tunes' own files: NAME.json, NAME.md and, where the corpus is at hand, NAME.png.

    Args:
        tunes: The tunes by their files' stems.
        corpus: The measures of the corpus that the composer learned from, None where that is not at hand.
        index: The same corpus, to find copies in.
        folder: Where the tunes' files are.
        name: The stem of the report's files.

    Returns:
        The report, and the files.

    Raises:
        BadInputError: If the folder cannot be written.
    """
    report = report_data(tunes, corpus, index)
    paths = [folder / f"{name}.json", folder / f"{name}.md"]
    picture = folder / f"{name}.png"
    if corpus is not None:
        paths.append(picture)
    try:
        paths[0].write_text(json_text(report), encoding="utf-8")
        paths[1].write_text(markdown(report, folder, picture.name), encoding="utf-8")
    except OSError as error:
        raise BadInputError(
            f"the report must be writable: {error.filename or folder} ({error.strerror or error}); name another folder"
        ) from None
    if corpus is not None:
        from tunesmith.pictures import save
        from tunesmith.report_picture import draw

        save(draw(report, corpus), picture)
    return report, paths
