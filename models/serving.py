"""Inputs and outputs of a served model as plain data, and the function that computes the outputs.

This module does not depend on a serving library: ``search.promotion`` wraps the function for MLflow.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Row: TypeAlias = Mapping[str, Any]
"""A request or its answer: values by column. Columns that were omitted or are empty are absent."""

Answer: TypeAlias = Callable[[Row], Row]
"""Returns the answer to a row; raises ValueError (such as BadInputError) if the row is illegal."""


@dataclass(frozen=True)
class Column:
    """A column of requests or answers.

    Attributes:
        name: Name of the column.
        kind: Type of the values.
        is_list: Whether each value is a list.
        required: Whether every row must have a value.
    """

    name: str
    kind: Literal["integer", "real", "text"]
    is_list: bool = False
    required: bool = True


@dataclass(frozen=True)
class Serving:
    """The interface by which a family's models are served.

    Attributes:
        load: A module-level function that returns the answering function for a trained model's file. The code of its
            module, and of the modules that this imports, is stored with a registered model.
        inputs: Columns of a request.
        outputs: Columns of an answer.
        examples: Requests that every model of the family can answer.
        explanation: Meaning of the columns, for the README of a registered model.
    """

    load: Callable[[Path], Answer]
    inputs: Sequence[Column]
    outputs: Sequence[Column]
    examples: Sequence[Row]
    explanation: str
