"""Where output goes: results to standard output, progress and remarks to standard error."""

import io
import json
import math
import os
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from tunesmith.program import as_called_here

_PIPED_WIDTH = 120


class _Console(Console):
    """A console whose texts name commands as they can be typed here."""

    def render_str(self, text: str, *args: Any, **options: Any) -> Text:
        """Render a text, a table's cells among them."""
        markup = options.get("markup")
        marked = self._markup if markup is None else markup
        return super().render_str(as_called_here(text, escape if marked else str), *args, **options)


def _console(*, stderr: bool) -> Console:
    console = _Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPED_WIDTH
    return console


out = _console(stderr=False)
err = _console(stderr=True)


def beware(remark: str) -> None:
    """Print what is legal and may yet surprise, in one line on standard error."""
    err.print(f"[yellow]beware:[/] {escape(remark)}", soft_wrap=True)


def write_whatever_the_encoding() -> None:
    """Have characters that the encoding of the output lacks written as "?", which loses no result to a character."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_json(value: Any) -> None:
    """Print one JSON document on standard output, in ASCII where the output's encoding is no Unicode."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    sys.stdout.write(json_text(value, ascii_only=not is_unicode))


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """Write a value as a JSON document, in which null stands for numbers that JSON lacks (NaN, infinities).

    Args:
        value: Plain values, numpy's numbers, and others that are written as text.
        ascii_only: Whether other characters are written as escapes.

    Returns:
        The document.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=ascii_only, allow_nan=False, default=str) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    value = value.item() if hasattr(value, "dtype") and hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
