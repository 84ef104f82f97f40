"""What is uploaded with a job: a search file, and a corpus that is on this machine."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import BadInputError

LARGEST = 100 * 1024 * 1024
"""Bytes; an upload is kept in the head's memory, and Ray itself rejects 500 MiB."""


@dataclass(frozen=True)
class Parcel:
    """What is uploaded.

    Attributes:
        folder: The folder to upload; it exists for the length of a ``with`` block.
        file: The search file's path in it; empty if there is none.
        corpus: The corpus folder's path in it; empty if there is none.
        num_files: Number of files.
        size: Bytes in total.
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
        BadInputError: If it is too large, or something in it cannot be read.
    """
    sources = [(file, Path(file.name))] if file else []
    if corpus:
        place = Path("corpus", corpus.resolve().name)
        sources += [(path, place / path.relative_to(corpus)) for path in _visible(corpus)]
    size = sum(path.stat().st_size for path, _ in sources)
    if corpus and size > LARGEST:
        raise BadInputError(
            f"at most {LARGEST / 2**20:g} MiB are uploaded with a job",
            f"{corpus} has {size / 2**20:.0f} MiB",
            remedy="copy it to the head, and name its absolute path there as the search's corpus",
        )
    with tempfile.TemporaryDirectory(prefix="tunesmith-") as name:
        folder = Path(name)
        for path, place in sources:
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(path, folder / place)
            except OSError as error:
                raise BadInputError("files to upload must be readable", f"{path} is not ({error.strerror})") from None
        yield Parcel(
            folder,
            file.name if file else "",
            f"corpus/{corpus.resolve().name}" if corpus else "",
            len(sources),
            size,
        )


def _visible(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))
