"""Checkpoints: one file with tensors, numbers and strings alone, so that it opens without running code of its own."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from data_prep.errors import BadInputError
from models.spec import Spec

FORMAT = 1
"""The version of the file's layout; raised when an older program could not read it."""


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
    content = {
        "format": FORMAT,
        "spec": spec.model_dump_json(),
        "extra": json.dumps(extra),
        "training": dict(training),
    }
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


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
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        version = int(content["format"])
    except FileNotFoundError:
        raise
    except Exception as error:
        reason = type(error).__name__
        raise BadInputError(
            f"{path} is not a checkpoint of this program ({reason}); remove it to start over"
        ) from error
    if version > FORMAT:
        raise BadInputError(
            f"{path} is a checkpoint of format {version} and this version reads up to {FORMAT}; use the newer version"
        )
    return Checkpoint(
        training=content["training"], spec=json.loads(content["spec"]), extra=json.loads(content["extra"])
    )


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
    try:
        saved = load(path)
    except FileNotFoundError:
        raise BadInputError(f"a trained model must be there, and {path} is not") from None
    found = saved.extra.get("family")
    if found != family:
        what = f"a {found}" if found else "a trial's state in the midst of its training"
        raise BadInputError(f"this takes a trained {family}, and {path} is {what}")
    return saved
