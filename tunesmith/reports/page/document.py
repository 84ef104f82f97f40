"""One HTML file with everything inside: the text, the style, the figures, and plotly's script in compressed form.

The script is 4.8 MB; deflated and in base64 it takes 2 MB, and the browser inflates it (DecompressionStream).
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, TypeVar

from jinja2 import Environment
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from search.study.records import SearchRecord
from tunesmith.playing.examples import Example
from tunesmith.playing.music import player_file
from tunesmith.reports.page.comparison import comparisons
from tunesmith.reports.page.content import content_of

PartT = TypeVar("PartT")


def document(records: Sequence[SearchRecord], examples: Mapping[str, Sequence[Example]] | None = None) -> str:
    """Return the report of one or several searches as HTML; ``examples`` is music by the winners, by search."""
    folder = files("tunesmith.reports.page")
    contents, compared = [content_of(record) for record in records], comparisons(records)
    numbered = [(content, _numbered(f"search-{at}", content.charts)) for at, content in enumerate(contents)]
    together = [(each, _numbered(f"comparison-{at}", each.charts)) for at, each in enumerate(compared)]
    music = [_numbered(f"music-{at}", (examples or {}).get(content.name, ())) for at, content in enumerate(contents)]
    figures = {place: _plain(chart.figure) for _, charts in (*numbered, *together) for place, chart in charts}
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        (folder / "page.html").read_text(encoding="utf-8")
    )
    return template.render(
        title=_listed([content.name for content in contents]),
        searches=[(*each, heard) for each, heard in zip(numbered, music, strict=True)],
        comparisons=together,
        made=f"{datetime.now().astimezone():%Y-%m-%d %H:%M}",
        style=_own((folder / "page.css").read_text(encoding="utf-8"), player_file("player.css")),
        script=_own(player_file("player.js"), (folder / "page.js").read_text(encoding="utf-8")),
        plotly=base64.b64encode(zlib.compress(str(get_plotlyjs()).encode(), 9)).decode(),
        figures=_json(figures),
        music=_json({place: example.plain() for each in music for place, example in each}),
        tables=_json([{"columns": content.columns, "rows": content.rows} for content in contents]),
    )


def _listed(names: Sequence[str]) -> str:
    """Return names as in a sentence: "a, b and c"."""
    return " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])


def _numbered(prefix: str, parts: Sequence[PartT]) -> list[tuple[str, PartT]]:
    return [(f"{prefix}-{at}", part) for at, part in enumerate(parts)]


def _own(*texts: str) -> Markup:
    """Join text that needs no HTML escaping."""
    return Markup("\n".join(texts))  # noqa: S704


def _plain(figure: Any) -> Any:
    """Return a figure as plain values, without the template that plotly adds to each."""
    figure.update_layout(template="none", title=None)
    return json.loads(figure.to_json() or "")


def _json(values: Any) -> Markup:
    """Return values as JSON that can stand in a script element."""
    text = json.dumps(values, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704  (no tag is left)
