"""What a notebook shows: tables as HTML, and tunes in a frame of their own with the notes and a player."""

import json
import re
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from data_prep.tunes.notation import Tune

_MOST_TUNES = 8
"""Number of tunes that are shown; engraving one takes a tenth of a second."""

_WIDTH, _MOST_HEIGHT = 740, 800
"""Width of an engraved page, and the greatest height of a frame, which scrolls (pixels)."""

_AROUND = 130
"""Height of a tune's title, controls and margins (pixels)."""

_SIZE = re.compile(r'<svg[^>]*? width="([\d.]+)px" height="([\d.]+)px"')

_FRAME = """<!doctype html>
<meta charset="utf-8">
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: .5rem; max-width: {width}px; background: Canvas; color: CanvasText; font: 1rem system-ui, sans-serif; }}
h3 {{ font-size: 1rem; margin: .5rem 0; }}
.player {{ margin-bottom: 1rem; }}
{css}
.player .sheet > svg {{ max-height: var(--height); }}
</style>
<main></main>
<script>
{js}
for (const music of {pieces}) {{
  const title = document.createElement("h3"), place = document.createElement("div");
  title.textContent = music.title;
  place.style.setProperty("--height", `${{music.height}}px`);
  document.querySelector("main").append(title, place);
  tunesmithPlayer(place, music);
}}
</script>
"""


def tunes_html(tunes: Sequence[Tune]) -> str:
    """Return tunes with their notes and a player each; in a frame, so that nothing of the notebook clashes with it.

    Args:
        tunes: The tunes, of which the first are shown.

    Returns:
        The HTML.
    """
    from tunesmith.playing.music import music_of_tune, player_file

    if not tunes:
        return "<p>no tunes</p>"
    pieces = [music_of_tune(tune) for tune in tunes[:_MOST_TUNES]]
    heights = [_height(piece.svg) for piece in pieces]
    plain = [
        {**piece.plain(), "title": piece.title or f"Tune {number}", "height": height}
        for number, (piece, height) in enumerate(zip(pieces, heights, strict=True), start=1)
    ]
    page = _FRAME.format(
        width=_WIDTH,
        css=player_file("player.css"),
        js=player_file("player.js"),
        pieces=json.dumps(plain, separators=(",", ":")).replace("<", "\\u003c"),
    )
    style = (
        f"width: 100%; height: {min(sum(heights) + _AROUND * len(pieces), _MOST_HEIGHT)}px; border: 0; resize: vertical"
    )
    more = len(tunes) - len(pieces)
    rest = f"<p>and {more} more</p>" if more > 0 else ""
    return f'<iframe sandbox="allow-scripts" title="Tunes" style="{style}" srcdoc="{escape(page)}"></iframe>{rest}'


def _height(svg: str) -> int:
    """Return the height of an engraved page that is scaled to the width of the frame."""
    size = _SIZE.search(svg)
    assert size is not None, "verovio writes the size first"
    return round(_WIDTH * float(size[2]) / float(size[1]))


def table_html(title: str, remarks: Iterable[str], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a heading, remarks and a table.

    Args:
        title: The heading.
        remarks: Sentences below it.
        columns: The titles of the columns, empty for a table without them.
        rows: The rows; the first cell of each is its name.

    Returns:
        The HTML.
    """
    short = Markup('<td style="text-align: left; white-space: nowrap">{}</td>')
    last = Markup('<td style="text-align: left">{}</td>')
    head = Markup("").join(Markup('<th style="text-align: left">{}</th>').format(column) for column in columns)
    body = Markup("").join(
        Markup("<tr>{}{}</tr>").format(Markup("").join(map(short.format, row[:-1])), last.format(row[-1]))
        for row in rows
    )
    lines = Markup("").join(Markup('<p style="margin: .2em 0">{}</p>').format(remark) for remark in remarks)
    top = Markup("<thead><tr>{}</tr></thead>").format(head) if columns else ""
    return Markup("<div><strong>{}</strong>{}<table>{}<tbody>{}</tbody></table></div>").format(title, lines, top, body)
