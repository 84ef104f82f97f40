"""Checkpoints: one file with tensors, numbers and strings alone, so that it opens without running code of its own."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from data_prep import whole_file
from data_prep.errors import BadInputError
from models.spec import Spec

FORMAT = 1
"""The version of the file's layout; raised when an older program could not read it."""


class DamagedCheckpointError(BadInputError):
    """A file is no whole checkpoint."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        training: The state that a family's ``Training.restore`` takes.
        spec: All settings by name.
        extra: What the caller wrote beside them.
    """

    training: Mapping[str, Any]
    spec: Mapping[str, Any]
    extra: Mapping[str, Any]


def save(path: Path, training: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]) -> None:
    """Write a checkpoint so that the file is either whole or as it was before.

    Args:
        path: The file; its folder must exist.
        training: A ``Training.state``.
        spec: The trial's settings.
        extra: Anything that JSON can hold.

    Raises:
        OSError: If the disk does not take it; no partial file stays.
    """
    whole_file.write(path, to_bytes(training, spec, extra))


def to_bytes(training: Mapping[str, Any], spec: Spec, extra: Mapping[str, Any]) -> bytes:
    """Give what :func:`save` writes.

    Args:
        training: A ``Training.state``.
        spec: The trial's settings.
        extra: Anything that JSON can hold.

    Returns:
        The content of a checkpoint's file.
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
        What was saved.

    Raises:
        FileNotFoundError: If there is no such file.
        BadInputError: If the file is no checkpoint, or one of a newer version.
    """
    try:
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
        label: Where it lies, for errors.

    Returns:
        What was saved.

    Raises:
        DamagedCheckpointError: If it is no whole checkpoint.
        BadInputError: If it is one of a newer version.
    """
    try:
        _check_sums(data)
        content: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        version = int(content["format"])
    except Exception as error:
        raise _no_checkpoint(label, error) from error
    if version > FORMAT:
        raise BadInputError(
            f"{label} is a checkpoint of format {version} and this version reads up to {FORMAT}; use the newer version"
        )
    return Checkpoint(
        training=content["training"], spec=json.loads(content["spec"]), extra=json.loads(content["extra"])
    )


def _check_sums(data: bytes) -> None:
    """Compare what is in a file with the sums that were stored with it, which torch itself does not."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        if damaged := parts.testzip():
            raise zipfile.BadZipFile(damaged)


def _no_checkpoint(label: str, error: Exception) -> DamagedCheckpointError:
    reason = type(error).__name__
    return DamagedCheckpointError(f"{label} is not a checkpoint of this program ({reason}); remove it to start over")


def load_trained(path: Path, family: str) -> Checkpoint:
    """Read a trained model of a family.

    Args:
        path: The file.
        family: The family's name.

    Returns:
        What was saved.

    Raises:
        BadInputError: If there is no such file, or it is no such model, or one of a newer version.
    """
    saved = load_model(path)
    found = saved.extra["family"]
    if found != family:
        raise BadInputError(f"this takes a trained {family}, and {path} is a {found}")
    return saved


def load_model(path: Path) -> Checkpoint:
    """Read a trained model of any family, which stands under "family" in what it has beside its weights.

    Args:
        path: The file.

    Returns:
        What was saved.

    Raises:
        BadInputError: If there is no such file, or it is no trained model, or one of a newer version.
    """
    try:
        saved = load(path)
    except FileNotFoundError:
        raise BadInputError(f"a trained model must be there, and {path} is not") from None
    if not saved.extra.get("family"):
        raise BadInputError(f"a trained model is needed, and {path} is a trial's state in the midst of its training")
    return saved
