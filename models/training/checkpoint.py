"""Checkpoints: one file of tensors, numbers and strings, so that reading it runs no code from it."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from data_prep.errors import BadInputError, one_line
from data_prep.storage.atomic_write import atomic_write
from data_prep.storage.format import check_format
from models.spec import Spec

_LONGEST_REASON = 200
"""Most characters of torch's message about weights that do not fit."""

ModuleT = TypeVar("ModuleT", bound=torch.nn.Module)

FORMAT = 1
"""Version of the file format, incremented if older programs cannot read the new one."""


class DamagedCheckpointError(BadInputError):
    """A file is not a complete checkpoint."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint.

    Attributes:
        training: The state for ``Training.restore``.
        spec: All settings by name.
        extra: Further data of the caller.
    """

    training: Mapping[str, Any]
    spec: Mapping[str, Any]
    extra: Mapping[str, Any]


def save(path: Path, training: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically: after an error the old file is unchanged.

    Args:
        path: The file; its folder must exist.
        training: A ``Training.state``.
        spec: The trial's settings.
        extra: JSON data.

    Raises:
        OSError: If writing fails; no partial file is left.
    """
    atomic_write(path, to_bytes(training, spec, extra))


def to_bytes(training: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]) -> bytes:
    """Return the content of the file that :func:`save` writes.

    Args:
        training: A ``Training.state``.
        spec: The trial's settings.
        extra: JSON data.

    Returns:
        The content.
    """
    content = {
        "format": FORMAT,
        "spec": spec.model_dump_json(),
        "extra": json.dumps(extra),
        "training": dict(training),
    }
    written = io.BytesIO()
    torch.save(content, written)
    return written.getvalue()


def load(path: Path) -> Checkpoint:
    """Read a checkpoint into main memory.

    Args:
        path: The file.

    Returns:
        The checkpoint.

    Raises:
        FileNotFoundError: If there is no such file.
        BadInputError: If the file is not a checkpoint, or is one of a newer version.
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is not a regular file")  # noqa: TRY301  (a pipe may have no end)
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _no_checkpoint(str(path), error) from error
    return from_bytes(data, str(path))


def from_bytes(data: bytes, label: str) -> Checkpoint:
    """Read a checkpoint from the content of its file.

    Args:
        data: The content.
        label: Location of the file, for errors.

    Returns:
        The checkpoint.

    Raises:
        DamagedCheckpointError: If it is not a complete checkpoint, or its tensors are larger than the file.
        BadInputError: If it is a checkpoint of a newer version.
    """
    try:
        _check_archive(data)
        content: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        check_format("checkpoints", int(content["format"]), FORMAT, label)
        return _checkpoint(content, len(data))
    except BadInputError:
        raise
    except Exception as error:
        raise _no_checkpoint(label, error) from error


def _check_archive(data: bytes) -> None:
    """Check that no part is compressed, as its size could be unlimited, and all checksums: torch checks neither."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
            raise ValueError("parts of it are compressed")
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(damaged)


def _checkpoint(content: Mapping[str, Any], num_bytes: int) -> Checkpoint:
    """Return the checkpoint of a file of ``num_bytes``; raise ValueError if its tensors are larger than that."""
    training, spec, extra = content["training"], json.loads(content["spec"]), json.loads(content["extra"])
    if not all(isinstance(part, dict) for part in (training, spec, extra)):
        raise ValueError("its parts are not mappings")
    if _num_bytes(training) > num_bytes:
        raise ValueError("its tensors are larger than the file")  # expanded from fewer stored numbers
    return Checkpoint(training=training, spec=spec, extra=extra)


def _num_bytes(value: Any) -> int:
    """Count the bytes of all tensors in a state."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(map(_num_bytes, value.values()))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return sum(map(_num_bytes, value)) if isinstance(value, list | tuple) else 0  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def check_weights(build: Callable[[], torch.nn.Module], weights: Mapping[str, Any]) -> None:
    """Check that weights fit the settings before memory is allocated: the settings could require any amount.

    Args:
        build: Builds the model with initial weights; it is called on the meta device, where they take no memory.
        weights: The model's state.

    Raises:
        ValueError: If weights are missing, unknown, or have another shape.
    """
    try:
        with torch.device("meta"):
            build().load_state_dict(dict(weights), assign=True)
    except RuntimeError as error:
        first = str(error).partition("\n")[2].strip().partition("\n")[0][:_LONGEST_REASON]
        raise ValueError(f"its weights do not fit its settings: {first}") from None


def model(build: Callable[[], ModuleT], weights: Mapping[str, Any]) -> ModuleT:
    """Build a model and load its weights; see ``check_weights``."""
    check_weights(build, weights)
    built = build()
    built.load_state_dict(dict(weights))
    return built


def _no_checkpoint(label: str, error: Exception) -> DamagedCheckpointError:
    reason = str(error) if type(error) in (ValueError, OSError) and str(error) else type(error).__name__
    return DamagedCheckpointError(f"{label} is not a checkpoint of this program ({reason})")


def incomplete_model(path: Path, family: str, error: Exception) -> BadInputError:
    """Return the error for a trained model whose parts are missing or do not fit each other."""
    reason = f"it lacks {error}" if isinstance(error, KeyError) else one_line(error)
    return BadInputError(f"{path} is not a complete {family}", where=reason, remedy="train the trial again")


def load_trained(path: Path, family: str) -> Checkpoint:
    """Read a trained model of a family.

    Args:
        path: The file.
        family: The family's name.

    Returns:
        The checkpoint.

    Raises:
        BadInputError: If the file does not exist, is not a model of this family, or is of a newer version.
    """
    saved = load_model(path)
    actual = saved.extra["family"]
    if actual != family:
        raise BadInputError(f"this takes a trained {family}", f"{path} is a {actual}")
    return saved


def load_model(path: Path) -> Checkpoint:
    """Read a trained model of any family.

    Args:
        path: The file.

    Returns:
        The checkpoint; ``extra["family"]`` is the family's name.

    Raises:
        BadInputError: If the file does not exist, is not a trained model, or is of a newer version.
    """
    try:
        saved = load(path)
    except FileNotFoundError:
        raise BadInputError("a trained model must exist", f"there is no {path}") from None
    if not saved.extra.get("family"):
        raise BadInputError("a trained model is needed", f"{path} is the state of a trial that was still in training")
    return saved
