"""The files that are uploaded with a job: a search file, and a corpus on this machine."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import BadInputError

LARGEST = 100 * 1024 * 1024
"""Largest upload in bytes. The head holds it in memory, and Ray rejects 500 MiB."""


@dataclass(frozen=True)
class Parcel:
    """An upload.

    Attributes:
        folder: The folder to upload; it is removed at the end of the ``with`` block.
        file: Path of the search file in the folder; empty without a file.
        corpus: Path of the corpus in the folder; empty without a corpus.
        num_files: Number of files.
        size: Total size in bytes.
    """

    folder: Path
    file: str
    corpus: str
    num_files: int
    size: int


@contextmanager
def packed(*, file: Path | None, corpus: Path | None) -> Generator[Parcel]:
    """Copy a search file and a corpus into a temporary folder.

    Args:
        file: The search file.
        corpus: The folder of a corpus; hidden files in it are left out.

    Yields:
        The parcel.

    Raises:
        BadInputError: If the corpus is too large, or a file cannot be read.
    """
    sources = [(file, Path(file.name))] if file else []
    target = Path("corpus", corpus.resolve().name) if corpus else Path()
    if corpus:
        sources += [(path, target / path.relative_to(corpus)) for path in _visible(corpus)]
    size = sum(path.stat().st_size for path, _ in sources)
    if corpus and size > LARGEST:
        raise BadInputError(
            f"at most {LARGEST / 2**20:g} MiB are uploaded with a job",
            f"{corpus} has {size / 2**20:.0f} MiB",
            remedy="copy it to the head, and use its absolute path there as the search's corpus",
        )
    with tempfile.TemporaryDirectory(prefix="tunesmith-") as name:
        folder = Path(name)
        for path, place in sources:
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(path, folder / place)
            except OSError as error:
                raise BadInputError("files to upload must be readable", f"{path} is not ({error.strerror})") from None
        yield Parcel(folder, file.name if file else "", target.as_posix() if corpus else "", len(sources), size)


def _visible(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))
