"""Output: results go to standard output, progress and warnings to standard error."""

import io
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

_PIPED_WIDTH = 120


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPED_WIDTH
    return console


out = _console(stderr=False)
err = _console(stderr=True)


def warn(remark: str) -> None:
    """Print a warning as one line on standard error."""
    err.print(f"[yellow]warning:[/] {escape(remark)}", soft_wrap=True)


def replace_unencodable() -> None:
    """Write "?" for characters that the encoding of the output lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_json(value: Any) -> None:
    """Print one JSON document on standard output, in ASCII where the output's encoding is not Unicode."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    sys.stdout.write(json_text(value, ascii_only=not is_unicode))


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """Return a value as a JSON document, with null for numbers that JSON lacks (NaN, infinities).

    Args:
        value: Plain values and numpy's numbers; other objects are written as text.
        ascii_only: Whether to escape all other characters.

    Returns:
        The document.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=ascii_only, allow_nan=False, default=str) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    value = value.item() if hasattr(value, "dtype") and hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
