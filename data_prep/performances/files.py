"""List the files of a corpus of performances, with style and composition according to their folders or an index.

FOLDER/<style>/.../X.mid: the first folder is the style; without subfolders, all files have the style "all". Several
annotated performances in one folder such as ASAP's .../<composer>/<piece>/ are of the same composition.

FOLDER/index.csv lists the files: columns ``file`` (relative path), the style (``genre`` unless the corpus is written
FOLDER:COLUMN), and optionally ``composer`` and ``title``, which together identify the composition.
"""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from data_prep.corpora.named import INDEX, Corpus
from data_prep.errors import BadInputError, unknown
from data_prep.limits import check_num_bytes
from data_prep.readers.beats import SUFFIX
from data_prep.readers.digest import contents, file_digest
from data_prep.readers.scores import MIDI_SUFFIXES
from data_prep.wording import counted

READER = 3
"""Version of reading, rendering and excluding performances, incremented when their results change."""

STYLE_COLUMN = "genre"
"""Default column of the style."""

_STYLE = re.compile(r"[\w][\w .-]{0,63}")
"""Style names: allowed by MLflow in metric names and by every file system in file names."""

ONE_STYLE = "all"
"""Style of performances in a folder without subfolders."""


@dataclass(frozen=True)
class Entry:
    """A performance of a corpus, not yet read.

    Attributes:
        path: The file.
        name: Name in the corpus.
        style: Style.
        composer: Composer, "" if unknown.
        title: Title, "" if unknown.
        composition: Key of the composition, None if it must be determined from the notes.
    """

    path: Path
    name: str
    style: str
    composer: str = ""
    title: str = ""
    composition: str | None = None


def digests(corpus: Corpus) -> dict[Path, str]:
    """Return all files that the prepared data depends on, sorted by name, each with a digest.

    Args:
        corpus: The corpus.

    Returns:
        MIDI files, annotations and the index, or the scores to be rendered.

    Raises:
        BadInputError: If there are no files.
    """
    if corpus.rendered:
        return {path: file_digest(path, corpus.repeats) for path in corpus.files()}
    paths = [*corpus.paths(MIDI_SUFFIXES), *corpus.folder.rglob(f"*{SUFFIX}"), *corpus.folder.glob(INDEX)]
    if not paths:
        raise BadInputError(
            "a corpus of performances needs at least one MIDI file (.mid, .midi)", f"there is none in {corpus.folder}"
        )
    return {path: _digest(path) for path in sorted(paths, key=corpus.file_name)}


def fingerprint(corpus: Corpus, file_digests: Mapping[Path, str]) -> str:
    """Return the fingerprint of a corpus, given the digests of its files."""
    settings = (READER, "rendered" if corpus.rendered else "played", corpus.style_column)
    return corpus.fingerprint(settings, file_digests)


def annotations(path: Path) -> Path:
    """Return the path of a performance's annotated beats; the file may not exist."""
    return path.with_name(path.stem + SUFFIX)


def entries(corpus: Corpus) -> list[Entry]:
    """Return the performances of a folder.

    Args:
        corpus: The folder.

    Returns:
        One entry for each file, sorted by name.

    Raises:
        BadInputError: If the index is invalid, a style has an invalid name, or a file is in no folder of a style.
    """
    index = corpus.folder / INDEX
    if not index.exists() and corpus.style_column is not None:
        raise BadInputError(
            f"{corpus.name!r} needs an index with the column {corpus.style_column!r}", f"there is no {index}"
        )
    listed = _from_index(corpus, index) if index.exists() else _from_folders(corpus)
    for entry in listed:
        if not _STYLE.fullmatch(entry.style):
            raise BadInputError(
                "a style's name is letters, digits, spaces, '.', '_' and '-', because it names metrics and files",
                f"got {entry.style!r}",
                f"{entry.name} in {corpus.folder}",
            )
    return listed


def _digest(path: Path) -> str:
    return hashlib.sha256(contents(path)).hexdigest()[:32]


def _from_folders(corpus: Corpus) -> list[Entry]:
    paths = corpus.paths(MIDI_SUFFIXES)
    places = [path.relative_to(corpus.folder).parts for path in paths]
    styles = sorted({place[0] for place in places if len(place) > 1})
    for path, place in zip(paths, places, strict=True):
        if styles and len(place) == 1:
            raise BadInputError(
                "each performance must be in the folder of its style",
                f"{path} is next to the folders {', '.join(styles[:3])}",
                remedy="move it into one, or name one folder as the corpus",
            )
    annotated = Counter(path.parent for path in paths if annotations(path).exists())
    return [
        Entry(
            path,
            corpus.file_name(path),
            place[0] if len(place) > 1 else ONE_STYLE,
            composition="/".join(place[:-1]) if place[2:] and annotated[path.parent] > 1 else None,
        )
        for path, place in zip(paths, places, strict=True)
    ]


def _from_index(corpus: Corpus, index: Path) -> list[Entry]:
    style_column = corpus.style_column or STYLE_COLUMN
    columns, table = _table(index)
    if "file" not in columns:
        raise unknown("column", "file", columns, str(index))
    if style_column not in columns:
        error = unknown("column", style_column, columns, str(index))
        remedy = f"{error.remedy} (a corpus written FOLDER:COLUMN names the column of its styles)"
        raise BadInputError(error.rule, where=error.where, remedy=remedy)
    rows = [{key: (value or "").strip() for key, value in row.items() if key} for row in table]
    rows = [{**row, "file": Path(row["file"]).as_posix()} for row in rows]
    _check(corpus, index, rows, style_column)
    return [
        Entry(
            corpus.folder / row["file"],
            row["file"],
            row[style_column],
            row.get("composer", ""),
            row.get("title", ""),
            f"{row.get('composer', '')}: {row['title']}" if row.get("title") else None,
        )
        for row in sorted(rows, key=lambda row: row["file"])
    ]


def _table(index: Path) -> tuple[Sequence[str], list[dict[str, str]]]:
    """Return the columns and the rows of an index."""
    try:
        check_num_bytes(index.stat().st_size)
        table = csv.DictReader(StringIO(index.read_text(encoding="utf-8-sig")), restval="")
        return table.fieldnames or [], list(table)
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except OSError as error:
        reason = error.strerror
    except (ValueError, csv.Error) as error:
        reason = str(error)
    raise BadInputError("an index must be readable", f"{index} ({reason})")


def _check(corpus: Corpus, index: Path, rows: Sequence[Mapping[str, str]], style_column: str) -> None:
    """Raise BadInputError if an index has no rows, missing or repeated files, or rows without a style."""
    if not rows:
        raise BadInputError("an index must name at least one performance", f"{index} has no rows")
    existing = {corpus.file_name(path) for path in corpus.paths(MIDI_SUFFIXES)}
    missing = [row["file"] for row in rows if row["file"] not in existing]
    if missing:
        raise BadInputError(
            "an index names MIDI files of its folder",
            f"{len(missing)} of the {len(rows)} are missing, the first is {missing[0]!r}",
            str(index),
        )
    name, count = Counter(row["file"] for row in rows).most_common(1)[0]
    if count > 1:
        raise BadInputError("an index names each file once", f"{name!r} is there {counted(count, 'time')}", str(index))
    without = [row["file"] for row in rows if not row[style_column]]
    if without:
        raise BadInputError(
            "each row of an index names a style",
            f"{counted(len(without), 'row')} without anything in the column {style_column!r}, the first is "
            f"{without[0]!r}",
            str(index),
        )
