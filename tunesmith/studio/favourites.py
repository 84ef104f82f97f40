"""Favourites of a home folder: one file for each, so that several studios do not lose each other's."""

from pathlib import Path

from data_prep.storage.atomic_write import atomic_write
from data_prep.writers.files import check
from tunesmith.studio.tunes import ID, StudioTune

FOLDER = "favourites"
"""The folder in the home folder."""


class Favourites:
    """The favourites of a home folder. Names of files are IDs, which only the studio makes."""

    def __init__(self, home: Path) -> None:
        """Use a home folder; nothing is written before the first favourite."""
        self.folder = home / FOLDER

    def add(self, tune: StudioTune) -> None:
        """Store a tune; raise OSError if it cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_write(self._path(tune.id), tune.model_dump_json(indent=1).encode())

    def remove(self, name: str) -> None:
        """Remove a tune, if it is one of the favourites."""
        self._path(name).unlink(missing_ok=True)

    def get(self, name: str) -> StudioTune | None:
        """Return a tune by its ID; None if it is not a favourite, or its file is damaged or of a newer version."""
        try:
            tune = StudioTune.model_validate_json(self._path(name).read_bytes())
            check(tune.tune)  # of what it will be played from
        except (OSError, ValueError, ArithmeticError):
            return None
        return tune

    def all(self) -> list[StudioTune]:
        """Return all favourites, the latest first."""
        paths = [path for path in self.folder.glob("*.json") if ID.fullmatch(path.stem)]
        tunes = [self.get(path.stem) for path in sorted(paths, key=_modified, reverse=True)]
        return [tune for tune in tunes if tune is not None]

    def _path(self, name: str) -> Path:
        assert ID.fullmatch(name), "IDs are checked where they are received"
        return self.folder / f"{name}.json"


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # removed by another studio
        return 0
