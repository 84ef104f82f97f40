"""The MLflow signature of a registered model: its input and output columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from models.serving import Column, Serving

if TYPE_CHECKING:
    from mlflow.models import ModelSignature


def make_signature(served: Serving) -> "ModelSignature":
    """Return the MLflow signature of a served model, from the columns that its family declares."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Array, ColSpec, DataType, Schema

    types = {"integer": DataType.long, "real": DataType.double, "text": DataType.string}

    def schema(columns: Sequence[Column]) -> Schema:
        kinds = [Array(types[column.kind]) if column.is_list else types[column.kind] for column in columns]
        return Schema(
            [ColSpec(kind, column.name, required=column.required) for kind, column in zip(kinds, columns, strict=True)]
        )

    return ModelSignature(schema(served.inputs), schema(served.outputs))
