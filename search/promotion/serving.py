"""What every served model does: check its files as it is loaded, and answer row by row, a bad row by one clear line.

It travels with the model, and so imports MLflow and what a trained model itself needs, nothing else.
"""

# MLflow and pandas are partly untyped:
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException

from data_prep.errors import BadInputError

FORMAT = 1
"""Of a registered model's files; a model with a greater number was made by a newer version."""

MODEL, DESCRIPTION = "model", "description"
"""The artifacts: the trained model's file, and what is said of it as JSON."""


def sha256(path: Path) -> str:
    """Give a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_model(artifacts: Mapping[str, str]) -> Path:
    """Check the files of a served model before anything of them is used.

    Args:
        artifacts: Their places by name.

    Returns:
        The trained model's file.

    Raises:
        MlflowException: If a newer version wrote them, or the weights are not those that were registered.
    """
    said = json.loads(Path(artifacts[DESCRIPTION]).read_text(encoding="utf-8"))
    if said["format"] > FORMAT:
        raise MlflowException.invalid_parameter_value(
            f"this model has format {said['format']}, and its code reads up to {FORMAT}: use it with the code that it "
            "was exported with"
        )
    path = Path(artifacts[MODEL])
    found = sha256(path)
    if found != said["sha256"]:
        raise MlflowException.invalid_parameter_value(
            f"the weights in {path} are not those that were registered (SHA-256 {found[:12]}, registered "
            f"{said['sha256'][:12]}): export the model again"
        )
    return path


def answer(rows: pd.DataFrame, one: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> pd.DataFrame:
    """Answer every row.

    Args:
        rows: What is asked.
        one: Answers a row, given its values without those that are missing; a ValueError says what is wrong with it.

    Returns:
        The answers, in the rows' order.

    Raises:
        MlflowException: For the first row that cannot be answered, which it names; over HTTP it is a bad request.
    """
    found: list[Mapping[str, Any]] = []
    for number, row in enumerate(rows.to_dict("records")):
        try:
            found.append(one({str(name): value for name, value in row.items() if not _is_missing(value)}))
        except (BadInputError, ValueError) as error:
            raise MlflowException.invalid_parameter_value(f"row {number}: {error}") from None
    return pd.DataFrame(found, index=rows.index)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
