"""Pages of music: MusicXML engraved as SVG by verovio, and its picture as PNG by resvg."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import resvg_py
import verovio

_verovio: Any = verovio  # it and resvg have no types
_resvg: Any = resvg_py

_OPTIONS: dict[str, Any] = {
    "adjustPageHeight": True,  # with the breaks of the score, which are of lines alone, that is one page
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
    "svgFormatRaw": True,  # resvg misplaces a text that has blanks between its parts
    "xmlIdChecksum": True,  # the same names for the same tune
}

_MUSIC_FONT = "Leipzig"

_RISE = 0.2
"""Of its size that a tempo is moved up by: verovio leaves no room for the note's head, which hangs below the line."""

_SPACE = 100
"""Between two signs of the music font, in its units: thousandths of its size."""

_FONTS = ("STIXGeneral", "STIXGeneralItalic", "STIXGeneralBol", "STIXGeneralBolIta", "DejaVuSerif")
"""Fonts that come with matplotlib: Times, which verovio assumes, and one with more letters."""

_ZOOM = 2.0
"""Pixels of a picture for one of the page: it can be printed."""

_MUSIC_TEXT = re.compile(
    r'<text x="(?P<x>\d+)" y="(?P<y>\d+)"(?P<rest>[^>]*)>(?P<before>(?:<tspan[^>]*>)*?)'
    rf'<tspan font-family="{_MUSIC_FONT}" font-size="(?P<size>\d+)px">(?P<signs>[^<]*)</tspan>'
)
"""A text of verovio's that begins with signs of its music font: a tempo's note."""


def to_svg(musicxml: str) -> str:
    """Engrave a score on one page that is as tall as it has to be.

    Args:
        musicxml: The score as MusicXML; its line breaks are kept.

    Returns:
        The page as SVG, which needs no music font to be shown.
    """
    _verovio.enableLog(_verovio.LOG_OFF)
    engraver = _verovio.toolkit()
    engraver.setOptions(_OPTIONS)
    loaded = engraver.loadData(musicxml)
    assert loaded, "what music21 writes, verovio reads"
    svg = _MUSIC_TEXT.sub(_as_paths, engraver.renderToSVG(1))
    opening = svg.index(">") + 1
    return f'{svg[:opening]}<rect width="100%" height="100%" fill="white" style="stroke: none" />{svg[opening:]}'


def to_png(svg: str) -> bytes:
    """Draw an engraved page, with bundled fonts, so that it looks the same on every machine."""
    return _resvg.svg_to_bytes(
        svg_string=svg,
        zoom=_ZOOM,
        skip_system_fonts=True,
        font_files=[str(_package("matplotlib") / "mpl-data" / "fonts" / "ttf" / f"{name}.ttf") for name in _FONTS],
        font_family=_FONTS[0],
        serif_family=_FONTS[0],
    )


def _as_paths(text: re.Match[str]) -> str:
    """Draw the signs at the beginning of a text as shapes, followed by the rest of it."""
    scale = int(text["size"]) / 1000
    x, y, drawn = float(text["x"]), round(int(text["y"]) - _RISE * int(text["size"])), ""
    for sign in text["signs"]:
        if sign.isspace():
            x += _SPACE * scale
            continue
        code = f"{ord(sign):04X}"
        shape = (_package("verovio") / "data" / _MUSIC_FONT / f"{code}.xml").read_text(encoding="utf-8")
        path, width = re.search(r"<path[^>]*/>", shape), re.search(rf'c="{code}"[^>]* h-a-x="([\d.]+)"', _metrics())
        assert path, "verovio has shapes for what it writes"
        assert width, "verovio has metrics for what it writes"
        drawn += f'<g transform="translate({x:.0f} {y}) scale({scale:g})">{path.group()}</g>'
        x += float(width[1]) * scale
    return f'{drawn}<text x="{x:.0f}" y="{y}"{text["rest"]}>{text["before"]}'


def _metrics() -> str:
    return (_package("verovio") / "data" / f"{_MUSIC_FONT}.xml").read_text(encoding="utf-8")


def _package(name: str) -> Path:
    """Return a package's folder, without importing it."""
    spec = find_spec(name)
    assert spec is not None, "the package is a dependency"
    assert spec.origin is not None, "the package is a folder"
    return Path(spec.origin).parent
