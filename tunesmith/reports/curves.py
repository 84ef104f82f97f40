"""Curves in a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotext
from rich.console import Console
from rich.text import Text

_plotext: Any = plotext  # it has no types

_HEIGHT = 16
_COLOURS = ("cyan+", "green+", "orange+", "magenta+", "blue+", "red+")


def draw_curves(console: Console, title: str, curves: Mapping[str, Sequence[float]]) -> None:
    """Draw one line for each named sequence over the epochs 1, 2, ...; nothing without sequences.

    Args:
        console: Where to draw.
        title: The title, including the unit.
        curves: Sequences of equal length by name.
    """
    if not curves:
        return
    _plotext.clear_figure()
    _plotext.theme("clear")
    _plotext.plot_size(min(console.width, 100), _HEIGHT)
    _plotext.title(title)
    length = max(len(values) for values in curves.values())
    for (name, values), colour in zip(curves.items(), _COLOURS * len(curves), strict=False):
        _plotext.plot(range(1, len(values) + 1), list(values), label=name, color=colour, marker="braille")
    _plotext.xticks(sorted({1, length, *range(0, length + 1, max(1, length // 8))} - {0}))
    console.print(Text.from_ansi(_plotext.build()))
