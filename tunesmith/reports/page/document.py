"""One HTML file with everything inside: the text, the style, the figures, and plotly's script in compressed form.

The script is 4.8 MB; deflated and in base64 it takes 2 MB, and the browser inflates it (DecompressionStream).
"""

import base64
import json
import zlib
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tunesmith.reports.page.content import Content


def document(contents: Sequence[Content]) -> str:
    """Return the report of one or several searches as HTML."""
    folder = files("tunesmith.reports.page")
    numbered = [
        (content, [(f"{index}-{place}", chart) for place, chart in enumerate(content.charts)])
        for index, content in enumerate(contents)
    ]
    figures = {place: _plain(chart.figure) for _, charts in numbered for place, chart in charts}
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        (folder / "page.html").read_text(encoding="utf-8")
    )
    return template.render(
        title=" and ".join(content.name for content in contents),
        searches=numbered,
        made=f"{datetime.now().astimezone():%Y-%m-%d %H:%M}",
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),  # noqa: S704  (our own file)
        script=Markup((folder / "page.js").read_text(encoding="utf-8")),  # noqa: S704  (our own file)
        plotly=base64.b64encode(zlib.compress(str(get_plotlyjs()).encode(), 9)).decode(),
        figures=_json(figures),
        tables=_json([{"columns": content.columns, "rows": content.rows} for content in contents]),
    )


def _plain(figure: Any) -> Any:
    """Return a figure as plain values, without the template that plotly adds to each."""
    figure.update_layout(template="none", title=None)
    return json.loads(figure.to_json() or "")


def _json(values: Any) -> Markup:
    """Return values as JSON that can stand in a script element."""
    text = json.dumps(values, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704  (no tag is left)
