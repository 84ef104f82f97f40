"""Where output goes: results to standard output, progress and remarks to standard error."""

import json
import os
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape

_PIPED_WIDTH = 120


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPED_WIDTH
    return console


out = _console(stderr=False)
err = _console(stderr=True)


def beware(remark: str) -> None:
    """Print what is legal and may yet surprise, in one line on standard error."""
    err.print(f"[yellow]beware:[/] {escape(remark)}", soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON document on standard output; numbers that JSON lacks become null."""
    sys.stdout.write(json.dumps(_finite(value), indent=2, ensure_ascii=False, default=str) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124  (NaN)
        return None
    return value
