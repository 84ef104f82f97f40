"""The files that are performed, and the files that are written for each."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import BadInputError
from data_prep.performances.scores import is_score
from data_prep.readers.scores import MIDI_SUFFIXES, MUSICXML_SUFFIXES

FOLDER = Path("performed")
"""The folder in which the performances of several files are written by default."""


@dataclass(frozen=True)
class Place:
    """A file to perform and where its performances are written.

    Attributes:
        source: The file.
        base: The performance's file; the name of a style is inserted before its suffix where there are several.
        is_styled: Whether the name of the style is inserted even if there is only one.
    """

    source: Path
    base: Path
    is_styled: bool = False

    def outputs(self, styles: Iterable[str], *, every: bool) -> dict[str, Path]:
        """Return the file of each performance.

        Args:
            styles: Names of the performances.
            every: Whether there is a performance in every style.

        Returns:
            The files by name.
        """
        if every or self.is_styled:
            return {name: self.base.with_name(f"{self.base.stem}-{name}{self.base.suffix}") for name in styles}
        return dict.fromkeys(styles, self.base)


@dataclass(frozen=True)
class Places:
    """All files to perform.

    Attributes:
        files: The files.
        folder: The folder of their performances; None for a single file.
    """

    files: Sequence[Place]
    folder: Path | None


def find_places(inputs: Sequence[Path], output: Path | None) -> Places:
    """Find the files to perform, and where to write.

    Args:
        inputs: Files, and folders that are searched at any depth.
        output: Output file of a single file; else the folder, in which files of a folder keep their relative paths.

    Returns:
        The files in the order of the inputs, sorted within folders.

    Raises:
        BadInputError: If a folder has no file to perform, the output is not a folder where it must be one, or two files
            would be written to the same output.
    """
    if len(inputs) == 1 and not inputs[0].is_dir() and not (output is not None and output.is_dir()):
        (source,) = inputs
        base = output or (source.with_suffix(".mid") if is_score(source) else source)
        return Places([Place(source, base, is_styled=output is None)], None)
    folder = output or FOLDER
    if folder.exists() and not folder.is_dir():
        raise BadInputError("several files are performed into a folder", f"{folder} is a file", "--out")
    by_base: dict[Path, Path] = {}
    for path in inputs:
        for source, relative in _in_folder(path, folder) if path.is_dir() else [(path, Path(path.name))]:
            base = folder / (relative.with_suffix(".mid") if is_score(source) else relative)
            other = by_base.setdefault(base, source)
            if other is not source and not _is_same(other, source):
                raise BadInputError(
                    "each performance needs its own file",
                    f"{other} and {source} would both be written to {base}",
                    remedy="rename one of them, or perform them one after the other into two folders",
                )
    return Places([Place(source, base) for base, source in by_base.items()], folder)


def check_apart(sources: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Check that no output is an input, by its name or through a link, and that none is written twice.

    Args:
        sources: The files to perform, which may not exist.
        outputs: All files to write.

    Raises:
        BadInputError: If an output is an input or is written twice.
    """
    outputs = list(outputs)
    inputs = {(status.st_dev, status.st_ino): path for path in sources if (status := _status(path)) is not None}
    for path in outputs:
        status = _status(path)
        source = None if status is None else inputs.get((status.st_dev, status.st_ino))
        if source is not None:
            same = "" if path == source else f", which is {source}"
            raise BadInputError(
                "an input is never replaced", f"the output would be {path}{same}", remedy="name another --out"
            )
    twice = [path for path, count in Counter(outputs).items() if count > 1]
    if twice:
        raise BadInputError("each output needs its own file", f"{twice[0]} would be written twice")


def _in_folder(folder: Path, output: Path) -> list[tuple[Path, Path]]:
    """Return the files in a folder with their paths in it, sorted.

    Hidden files and folders are left out, and so is the output folder if it is inside the folder: it has the
    performances of an earlier run.
    """
    suffixes = MIDI_SUFFIXES | MUSICXML_SUFFIXES
    inside = output.resolve()
    is_inside = inside != folder.resolve() and inside.is_relative_to(folder.resolve())
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not (is_inside and path.resolve().is_relative_to(inside))
        and path.is_file()
    )
    if not found:
        raise BadInputError(
            f"a folder to perform has at least one file ({', '.join(sorted(suffixes))})", f"there is none in {folder}"
        )
    return [(path, path.relative_to(folder)) for path in found]


def _is_same(one: Path, other: Path) -> bool:
    first, second = _status(one), _status(other)
    return first is not None and second is not None and os.path.samestat(first, second)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
