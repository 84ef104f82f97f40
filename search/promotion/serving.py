"""A registered model for MLflow, which checks its files when it is loaded and predicts row by row.

This code is packaged with the model, so it imports only MLflow and what a trained model needs.
"""

# MLflow and pandas are partly untyped, and MLflow's own predict is said to return None:
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportIncompatibleMethodOverride=false, reportPrivateImportUsage=false

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel, PythonModelContext

from models.serving import Answer

FORMAT = 1
"""Format of a registered model's files; newer versions have larger numbers."""

MODEL, DESCRIPTION = "model", "description"
"""Names of the artifacts: the trained model's file, and its description as JSON."""


class ServedModel(PythonModel):
    """A trained model with MLflow's interface."""

    def __init__(self, load: Callable[[Path], Answer]) -> None:
        """Initialize with the family's function that loads a trained model."""
        self._load = load

    def load_context(self, context: PythonModelContext) -> None:
        """Load the trained model."""
        self._answer = self._load(checked_model(context.artifacts))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return the answers to all rows of the input; the parameters are not used."""
        del context, params
        return answer(model_input, self._answer)


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_model(artifacts: Mapping[str, str]) -> Path:
    """Check the files of a served model before they are used.

    Args:
        artifacts: The paths of the files by artifact name.

    Returns:
        The trained model's file.

    Raises:
        MlflowException: If a newer version wrote them, or the weights are not those that were registered.
    """
    description = json.loads(Path(artifacts[DESCRIPTION]).read_text(encoding="utf-8"))
    if description["format"] > FORMAT:
        raise MlflowException.invalid_parameter_value(
            f"this model has format {description['format']}, and its code reads up to {FORMAT}: use it with the code "
            "that it was exported with"
        )
    path = Path(artifacts[MODEL])
    digest = sha256(path)
    if digest != description["sha256"]:
        raise MlflowException.invalid_parameter_value(
            f"the weights in {path} are not those that were registered (SHA-256 {digest[:12]}, registered "
            f"{description['sha256'][:12]}): export the model again"
        )
    return path


def answer(rows: pd.DataFrame, answer_row: Answer) -> pd.DataFrame:
    """Return the answers to all rows.

    Args:
        rows: The requests.
        answer_row: Returns the answer to a row, from its values that are not missing.

    Returns:
        The answers, in the order of the rows.

    Raises:
        MlflowException: With the number of the first row that cannot be answered; over HTTP it is a bad request.
    """
    answers: list[Mapping[str, Any]] = []
    for number, row in enumerate(rows.to_dict("records")):
        try:
            answers.append(answer_row({str(name): value for name, value in row.items() if not _is_missing(value)}))
        except ValueError as error:
            raise MlflowException.invalid_parameter_value(f"row {number}: {error}") from None
    return pd.DataFrame(answers, index=rows.index)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
