"""The folder of an experiment: its page as Markdown and self-contained HTML, pictures, and tunes."""

import base64
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from markdown_it import MarkdownIt

from data_prep.errors import BadInputError
from data_prep.storage import user_files
from tunesmith.console import json_text
from tunesmith.reproducing.as_data import as_data
from tunesmith.reproducing.page import page
from tunesmith.reproducing.pictures import draw_curves, draw_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tunesmith.reproducing.outcome import Outcome

_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
_IMAGE = re.compile(r'<img src="([^"]+)"')
_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-size: 14px; display: block; overflow-x: auto }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #8886; text-align: left; white-space: nowrap }
img { max-width: 100%; background: white }
pre { background: #8882; padding: .6rem; overflow-x: auto }
"""


def write_page(
    outcome: "Outcome",
    corpus: str,
    folder: Path,
    *,
    shown: Mapping[str, tuple[str, bytes]],
    extra: Sequence[str] = (),
) -> list[Path]:
    """Write the page of an experiment, its pictures and its data; existing files are replaced.

    Args:
        outcome: The outcome.
        corpus: The corpus in words.
        folder: The folder; it is created.
        shown: Further pictures by file name: their captions and contents.
        extra: Further lines of the page, before the pictures.

    Returns:
        The files, the pages first.

    Raises:
        BadInputError: If the folder cannot be written to.
    """
    pictures = {name: (caption, content(figure, name)) for name, caption, figure in _figures(outcome)} | dict(shown)
    text = page(outcome, corpus, {name: caption for name, (caption, _) in pictures.items()}, extra)
    contents = {name: data for name, (_, data) in pictures.items()}
    return write_files(folder, outcome.experiment.name, text, as_data(outcome), contents)


def write_files(folder: Path, title: str, text: str, data: Any, pictures: Mapping[str, bytes]) -> list[Path]:
    """Write a page as Markdown and HTML, its data and its pictures; existing files are replaced.

    Args:
        folder: The folder; it is created.
        title: Title of the HTML page.
        text: The page as Markdown.
        data: The data, which is written as JSON.
        pictures: The contents of the pictures by file name.

    Returns:
        The files, the pages first.

    Raises:
        BadInputError: If the folder cannot be written to.
    """
    contents = {
        "page.md": text.encode(),
        "page.html": as_html(text, title, pictures),
        "data.json": json_text(data).encode(),
        **pictures,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content_of_file in contents.items():
            user_files.write(folder / name, content_of_file, replace=True)
    except OSError as error:
        value = f"{folder} is not ({error.strerror or error})"
        raise BadInputError("the folder of the page must be writable", value, "--out", "name another folder") from None
    return [folder / name for name in contents]


def _figures(outcome: "Outcome") -> "Iterator[tuple[str, str, Figure]]":
    if len(outcome.rows) > 2:  # noqa: PLR2004  (two rows are one difference, which the table shows)
        yield "rows.svg", "The rows, and the paper's numbers", draw_rows(outcome)
    if outcome.experiment.curves:
        yield "curves.svg", "Validation and training loss by epoch: each fold, and their mean", draw_curves(outcome)


def content(figure: "Figure", name: str) -> bytes:
    """Return a figure in the format of a file name, SVG or PNG: the same bytes for the same figure."""
    import matplotlib as mpl

    untyped: Any = mpl
    buffer, options = BytesIO(), {"metadata": {"Date": None}} if name.endswith(".svg") else {}
    with untyped.rc_context({"svg.hashsalt": name}):
        cast("Any", figure).savefig(buffer, format=Path(name).suffix[1:], **options)
    return buffer.getvalue()


def as_html(markdown: str, title: str, pictures: Mapping[str, bytes]) -> bytes:
    """Return a self-contained page: it loads nothing, and HTML in the Markdown text is escaped."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)

    def embedded(match: re.Match[str]) -> str:
        name = match[1]
        encoded = base64.b64encode(pictures[name]).decode()
        return f'<img src="data:{_TYPES[Path(name).suffix]};base64,{encoded}"'

    parts = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>\n",
        _IMAGE.sub(embedded, body),
        "</body></html>\n",
    )
    return "".join(parts).encode()
