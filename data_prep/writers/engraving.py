"""Engrave MusicXML as SVG with verovio, and render the SVG as PNG with resvg."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import resvg_py
import verovio

_verovio: Any = verovio  # verovio and resvg are untyped
_resvg: Any = resvg_py

_OPTIONS: dict[str, Any] = {
    "adjustPageHeight": True,  # a single page, because the score has only line breaks
    "bottomMarginHeader": 4,
    "breaks": "encoded",
    "font": "Leipzig",
    "footer": "none",
    "minLastJustification": 0.5,
    "pageMarginBottom": 100,
    "pageMarginLeft": 100,
    "pageMarginRight": 100,
    "pageMarginTop": 100,
    "pageWidth": 2100,
    "scale": 50,
    "smuflTextFont": "none",
    "spacingSystem": 6,
    "svgFormatRaw": True,  # resvg misplaces texts with blanks between their parts
    "xmlIdChecksum": True,  # the same IDs for the same tune
}

_MUSIC_FONT = "Leipzig"

_RISE = 0.2
"""Share of its size by which a tempo is moved up: verovio leaves no room for the head of its note, below the line."""

_SPACE = 100
"""Space between two signs of the music font, in thousandths of its size."""

_FONTS = ("STIXGeneral", "STIXGeneralItalic", "STIXGeneralBol", "STIXGeneralBolIta", "DejaVuSerif")
"""Fonts that come with matplotlib: Times, which verovio assumes, and a font with more letters."""

_ZOOM = 2.0
"""Pixels of the PNG per pixel of the page, enough for printing."""

_MUSIC_TEXT = re.compile(
    r'<text x="(?P<x>\d+)" y="(?P<y>\d+)"(?P<rest>[^>]*)>(?P<before>(?:<tspan[^>]*>)*?)'
    rf'<tspan font-family="{_MUSIC_FONT}" font-size="(?P<size>\d+)px">(?P<signs>[^<]*)</tspan>'
)
"""A text of verovio that begins with signs of the music font: the note of a tempo."""


@dataclass(frozen=True)
class Engraving:
    """An engraved page.

    Attributes:
        svg: The page as SVG, which does not require a music font.
        notes: Onset, end (quarter notes from the beginning) and ID in the page of each engraved note. A tied note
            is engraved as several.
    """

    svg: str
    notes: tuple[tuple[float, float, str], ...]


def to_svg(musicxml: str) -> str:
    """Engrave a score on a single page of sufficient height, and return the page as SVG; see ``engrave``."""
    return engrave(musicxml).svg


def engrave(musicxml: str) -> Engraving:
    """Engrave a score on a single page of sufficient height.

    Args:
        musicxml: The score as MusicXML, with line breaks.

    Returns:
        The page, and where its notes are.
    """
    _verovio.enableLog(_verovio.LOG_OFF)
    engraver = _verovio.toolkit()
    engraver.setOptions(_OPTIONS)
    loaded = engraver.loadData(musicxml)
    assert loaded, "what music21 writes, verovio reads"
    svg = _MUSIC_TEXT.sub(_as_paths, engraver.renderToSVG(1))
    opening = svg.index(">") + 1
    svg = f'{svg[:opening]}<rect width="100%" height="100%" fill="white" style="stroke: none" />{svg[opening:]}'
    return Engraving(svg, _times(engraver.renderToTimemap({})))


def _times(moments: list[dict[str, Any]]) -> tuple[tuple[float, float, str], ...]:
    """Return the onset, the end and the ID of each note from verovio's list of what begins and ends at each time."""
    begun = {name: moment["qstamp"] for moment in moments for name in moment.get("on", ())}
    ended = {name: moment["qstamp"] for moment in moments for name in moment.get("off", ())}
    return tuple((onset, ended[name], name) for name, onset in begun.items())


def to_png(svg: str) -> bytes:
    """Render an engraved page with bundled fonts, so that it looks the same on every machine."""
    return _resvg.svg_to_bytes(
        svg_string=svg,
        zoom=_ZOOM,
        skip_system_fonts=True,
        font_files=[str(_package("matplotlib") / "mpl-data" / "fonts" / "ttf" / f"{name}.ttf") for name in _FONTS],
        font_family=_FONTS[0],
        serif_family=_FONTS[0],
    )


def _as_paths(text: re.Match[str]) -> str:
    """Replace the signs at the beginning of a text by shapes."""
    metrics = (_package("verovio") / "data" / f"{_MUSIC_FONT}.xml").read_text(encoding="utf-8")
    scale = int(text["size"]) / 1000
    x, y, drawn = float(text["x"]), round(int(text["y"]) - _RISE * int(text["size"])), ""
    for sign in text["signs"]:
        if sign.isspace():
            x += _SPACE * scale
            continue
        code = f"{ord(sign):04X}"
        shape = (_package("verovio") / "data" / _MUSIC_FONT / f"{code}.xml").read_text(encoding="utf-8")
        path, width = re.search(r"<path[^>]*/>", shape), re.search(rf'c="{code}"[^>]* h-a-x="([\d.]+)"', metrics)
        assert path, "verovio has shapes for what it writes"
        assert width, "verovio has metrics for what it writes"
        drawn += f'<g transform="translate({x:.0f} {y}) scale({scale:g})">{path.group()}</g>'
        x += float(width[1]) * scale
    return f'{drawn}<text x="{x:.0f}" y="{y}"{text["rest"]}>{text["before"]}'


def _package(name: str) -> Path:
    """Return the folder of a package without importing it."""
    spec = find_spec(name)
    assert spec is not None, "the package is a dependency"
    assert spec.origin is not None, "the package is a folder"
    return Path(spec.origin).parent
