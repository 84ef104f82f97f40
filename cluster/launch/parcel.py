"""What travels with a job: a search file, and a corpus that lies here and not on the cluster."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import BadInputError

LARGEST = 100 * 1024 * 1024
"""Bytes; what travels is kept in the head's memory, and Ray itself refuses 500 MiB."""


@dataclass(frozen=True)
class Parcel:
    """What travels.

    Attributes:
        folder: The folder that becomes the job's; it is there for the length of a ``with`` block.
        file: The search file's place in it; empty if there is none.
        corpus: The corpus folder's place in it; empty if there is none.
        num_files: Files in all.
        size: Bytes in all.
    """

    folder: Path
    file: str
    corpus: str
    num_files: int
    size: int


@contextmanager
def packed(*, file: Path | None, corpus: Path | None) -> Generator[Parcel]:
    """Gather what travels in a folder of its own.

    Args:
        file: The search file.
        corpus: The folder of a corpus; hidden files in it stay here.

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
            f"what travels with a job is at most {LARGEST / 2**20:g} MiB: {corpus} has {size / 2**20:.0f} MiB; copy it "
            "to the head, and name it by its absolute path there: -- --corpus PATH"
        )
    with tempfile.TemporaryDirectory(prefix="tunesmith-") as name:
        folder = Path(name)
        for path, place in sources:
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(path, folder / place)
            except OSError as error:
                raise BadInputError(f"what travels must be readable: {path} ({error.strerror})") from None
        yield Parcel(
            folder,
            file.name if file else "",
            f"corpus/{corpus.resolve().name}" if corpus else "",
            len(sources),
            size,
        )


def _visible(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))
