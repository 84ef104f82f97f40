"""The files of a search's trials in its storage: the last two checkpoints, the trained model, and its snapshots.

A snapshot is the model after an earlier epoch, kept if the search file asks for it. The second last checkpoint is kept
in case the last cannot be read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data_prep.storage.bucket_store import BucketStore
from data_prep.storage.folder_store import FolderStore
from models.spec import Spec

if TYPE_CHECKING:
    from models.training.checkpoint import Checkpoint

_STATES: Final = "checkpoints"
_MODELS: Final = "models"

_STATE: Final = re.compile(r"trial-(\d+)(?:-epoch-(\d+))?\.pt")
"""The file name of a checkpoint or a model; the epoch of a model is that of a snapshot, and older versions wrote
checkpoints without one."""


@dataclass(frozen=True)
class TrialFiles:
    """The files of a search's trials, by trial number.

    Attributes:
        place: The store, which all workers read and write.
    """

    place: FolderStore | BucketStore

    def save_state(
        self, number: int, epoch: int, training: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]
    ) -> None:
        """Save a checkpoint after an epoch; see :func:`checkpoint.to_bytes`. The previous one is kept too."""
        name = _state(number, epoch)
        self._save(name, training, spec, extra)
        others = [other for other in self.states_of(number) if other != name]
        before = next((other for other in others if _epoch(other) < epoch), None)
        for other in others:
            if other != before:
                self.place.remove(other)

    def save_model(self, number: int, weights: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]) -> None:
        """Save a trained model; see :func:`models.training.checkpoint.to_bytes`."""
        self._save(_model(number), weights, spec, extra)

    def save_snapshot(
        self, number: int, epoch: int, weights: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]
    ) -> None:
        """Save the model after an epoch, in addition to that after the last."""
        self._save(_snapshot(number, epoch), weights, spec, extra)

    def states_of(self, number: int) -> list[str]:
        """Return the names of a trial's checkpoints, newest first."""
        names = [name for name in self.place.names(_STATES) if _number(name) == number]
        return sorted(names, key=_epoch, reverse=True)

    def load_state(self, name: str) -> "Checkpoint | None":
        """Read a checkpoint.

        Args:
            name: Its name, from :meth:`states_of`.

        Returns:
            The checkpoint; None if its file is incomplete or damaged.

        Raises:
            BadInputError: If a newer version wrote it.
        """
        from models.training import checkpoint  # imports torch, which the driver does not need

        try:
            return checkpoint.from_bytes(self.place.read(name), f"{self.place.label}/{name}")
        except checkpoint.DamagedCheckpointError:
            return None

    def has_model(self, number: int) -> bool:
        """Return whether a trial's trained model exists."""
        return self.place.exists(_model(number))

    def remove_states(self, number: int) -> None:
        """Remove a trial's checkpoints, if there are any."""
        for name in self.states_of(number):
            self.place.remove(name)

    def states(self) -> set[int]:
        """Return the numbers of the trials that have a checkpoint."""
        return {number for name in self.place.names(_STATES) if (number := _number(name)) is not None}

    def copy_states(self, number: int, target: "TrialFiles") -> None:
        """Copy a trial's checkpoints to another store."""
        for name in self.states_of(number):
            target.place.write(name, self.place.read(name))

    def move_model(self, number: int, target: "TrialFiles") -> None:
        """Move a trial's trained model and its snapshots to another store, if there are any."""
        snapshots = [name for name in self.place.names(_MODELS) if _number(name) == number and _epoch(name)]
        for name in (*snapshots, _model(number)):
            try:
                data = self.place.read(name)
            except FileNotFoundError:
                continue
            target.place.write(name, data)
            self.place.remove(name)

    def _save(self, name: str, training: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]) -> None:
        from models.training.checkpoint import to_bytes  # likewise

        self.place.write(name, to_bytes(training, spec, extra))


def model_path(search_folder: Path, number: int) -> Path:
    """Return the file of a full trial's trained model in its search's folder, where models are moved in the end.

    Args:
        search_folder: The folder, from :func:`search.study.database.folder`.
        number: The trial's number.

    Returns:
        The file, which need not exist.
    """
    return search_folder / _model(number)


def snapshot_paths(search_folder: Path, number: int) -> dict[int, Path]:
    """Return the files of a trial's snapshots in its search's folder, by epoch, ascending."""
    paths = (search_folder / _MODELS).glob(f"{Path(_model(number)).stem}-epoch-*.pt")
    return {epoch: path for path in sorted(paths) if (epoch := _epoch(path.name))}


def _state(number: int, epoch: int) -> str:
    return f"{_STATES}/trial-{number:05d}-epoch-{epoch:05d}.pt"


def _model(number: int) -> str:
    return f"{_MODELS}/trial-{number:05d}.pt"


def _snapshot(number: int, epoch: int) -> str:
    return f"{_MODELS}/trial-{number:05d}-epoch-{epoch:05d}.pt"


def _number(state: str) -> int | None:
    """Return the trial number in the name of a checkpoint; None for any other name."""
    match = _STATE.fullmatch(state.rpartition("/")[2])
    return int(match[1]) if match else None


def _epoch(state: str) -> int:
    match = _STATE.fullmatch(state.rpartition("/")[2])
    return int(match[2] or 0) if match else 0
