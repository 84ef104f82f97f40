"""Output: results are printed to standard output, progress and warnings to standard error."""

import io
import json
import logging
import math
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

_PIPED_WIDTH, _UNLIMITED = 120, 10_000
_LOGGER = logging.getLogger("tunesmith")


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, force_jupyter=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPED_WIDTH
    return console


out = _console(stderr=False)
err = _console(stderr=True)


@contextmanager
def muted() -> "Generator[None]":
    """Print nothing, and log warnings, as functions that are called from Python do."""
    before = out.quiet, err.quiet
    out.quiet = err.quiet = True
    try:
        yield
    finally:
        out.quiet, err.quiet = before


def log(remark: str) -> None:
    """Log a warning; Python prints it on standard error unless logging is set up otherwise."""
    _LOGGER.warning(remark)


def warn(remark: str) -> None:
    """Print a warning as one line on standard error, or log it if the output is muted."""
    if err.quiet:
        log(remark)
        return
    err.print(f"[yellow]warning:[/] {escape(remark)}", soft_wrap=True)


def new_table(*titles: str, **options: Any) -> Table:
    """Return a table without borders.

    Args:
        *titles: The titles of its first columns, whose cells are not wrapped.
        **options: Other arguments of ``rich.table.Table``.

    Returns:
        The table.
    """
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0), **options)
    for title in titles:
        table.add_column(title, no_wrap=True)
    return table


def print_fitting(table: Table, *optional: str) -> None:
    """Print a table, without columns that do not fit: those with these titles are left out, one after the other."""
    wide = out.options.update(max_width=_UNLIMITED)
    for title in optional:
        if Measurement.get(out, wide, table).maximum <= out.width:
            break
        table.columns = [column for column in table.columns if column.header != title]
    out.print(table, crop=False)


def labelled_table(rows: "Iterable[tuple[str, str]]") -> Table:
    """Return a table of labels and texts, without a header."""
    table = new_table(show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(escape(label), escape(text))
    return table


def replace_unencodable() -> None:
    """Write "?" for characters that the output's encoding lacks, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_json(value: Any) -> None:
    """Print a JSON document, in ASCII unless the output's encoding is Unicode."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    sys.stdout.write(json_text(value, ascii_only=not is_unicode))


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """Return a value as a JSON document, with null for NaN and infinities.

    Args:
        value: Plain values and numpy numbers; other objects are converted to strings.
        ascii_only: Whether to escape other characters than ASCII.

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


def open_page(address: str) -> None:
    """Open a file or a page in the user's browser; if there is no browser, say so."""
    import webbrowser

    if not webbrowser.open(address):
        err.print("no browser could be started; open the address in one", markup=False)
