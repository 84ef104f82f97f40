"""What a served model of a family is asked and answers, as plain data, and the function that answers.

No serving library is known here: ``search.promotion`` wraps the function for MLflow.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Row: TypeAlias = Mapping[str, Any]
"""One thing that is asked, or its answer: values by column. A column that was left out, or is empty, is not there."""

Answer: TypeAlias = Callable[[Row], Row]
"""Answers a row; a ValueError, as BadInputError is, says what is wrong with it."""


@dataclass(frozen=True)
class Column:
    """A column of what is asked or answered.

    Attributes:
        name: Its name.
        kind: The type of its values.
        is_list: Whether each value is a list of them.
        required: Whether a row must have it.
    """

    name: str
    kind: Literal["integer", "real", "text"]
    is_list: bool = False
    required: bool = True


@dataclass(frozen=True)
class Serving:
    """How a family's models are served.

    Attributes:
        load: A function at the top of a module. It makes the answering function from a trained model's file. A
            registered model carries the code of this module and of what it imports.
        inputs: The columns that are asked.
        outputs: The columns that are answered.
        examples: Rows that every model of the family can answer.
        explanation: What the columns mean, for the README of a registered model.
    """

    load: Callable[[Path], Answer]
    inputs: Sequence[Column]
    outputs: Sequence[Column]
    examples: Sequence[Row]
    explanation: str
