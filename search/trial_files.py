"""What a search keeps of each trial: its state at the last rung, and its trained model, in the search's storage."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data_prep.places import BucketPlace, FolderPlace
from models.spec import Spec

if TYPE_CHECKING:
    from models.checkpoint import Checkpoint

_STATES: Final = "checkpoints"
_MODELS: Final = "models"


@dataclass(frozen=True)
class TrialFiles:
    """The files of a search's trials, by their numbers.

    Attributes:
        place: Where they lie; every worker reads and writes there.
    """

    place: FolderPlace | BucketPlace

    def save_state(self, number: int, training: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]) -> None:
        """Save a trial in the midst of its training; see :func:`models.checkpoint.to_bytes`."""
        self._save(_state(number), training, spec, extra)

    def save_model(self, number: int, weights: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]) -> None:
        """Save a trained model; see :func:`models.checkpoint.to_bytes`."""
        self._save(_model(number), weights, spec, extra)

    def load_state(self, number: int) -> "Checkpoint | None":
        """Read a trial's state; None if it saved none."""
        from models import checkpoint  # noqa: PLC0415  (it imports torch, which a driver has no use for)

        try:
            data = self.place.read(_state(number))
        except FileNotFoundError:
            return None
        return checkpoint.from_bytes(data, f"{self.place.label}/{_state(number)}")

    def has_model(self, number: int) -> bool:
        """Say whether a trial's trained model is here."""
        return self.place.exists(_model(number))

    def remove_state(self, number: int) -> None:
        """Remove a trial's state, if there is one."""
        self.place.remove(_state(number))

    def states(self) -> set[int]:
        """Give the numbers of the trials whose state is here."""
        return {_number(name) for name in self.place.names(_STATES)}

    def copy_state(self, number: int, target: "TrialFiles") -> None:
        """Copy a trial's state to other files."""
        target.place.write(_state(number), self.place.read(_state(number)))

    def move_model(self, number: int, target: "TrialFiles") -> None:
        """Bring a trained model to other files and remove it here; nothing happens if there is none."""
        try:
            data = self.place.read(_model(number))
        except FileNotFoundError:
            return
        target.place.write(_model(number), data)
        self.place.remove(_model(number))

    def _save(self, name: str, training: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]) -> None:
        from models import checkpoint  # noqa: PLC0415  (it imports torch, which a driver has no use for)

        self.place.write(name, checkpoint.to_bytes(training, spec, extra))


def model_path(search_folder: Path, number: int) -> Path:
    """Name the file of a full trial's trained model in its search's folder, where it lies in the end.

    Args:
        search_folder: As :func:`search.study.folder` gives it.
        number: The trial's number.

    Returns:
        The file, which need not exist.
    """
    return search_folder / _model(number)


def _state(number: int) -> str:
    return f"{_STATES}/trial-{number:05d}.pt"


def _model(number: int) -> str:
    return f"{_MODELS}/trial-{number:05d}.pt"


def _number(name: str) -> int:
    return int(name.rpartition("-")[2].removesuffix(".pt"))
