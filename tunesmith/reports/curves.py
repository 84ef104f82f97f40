"""Curves in a terminal."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.text import Text

plotext: Any = import_module("plotext")  # it has no types

_HEIGHT = 16
_COLOURS = ("cyan+", "green+", "orange+", "magenta+", "blue+", "red+")


def draw_curves(console: Console, title: str, curves: Mapping[str, Sequence[float]]) -> None:
    """Draw one line for each named sequence over the epochs 1, 2, ...

    Args:
        console: Where to draw.
        title: The title, with the unit.
        curves: The values by name, all of the same length.
    """
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(min(console.width, 100), _HEIGHT)
    plotext.title(title)
    length = max(len(values) for values in curves.values())
    for (name, values), colour in zip(curves.items(), _COLOURS * len(curves), strict=False):
        plotext.plot(range(1, len(values) + 1), list(values), label=name, color=colour, marker="braille")
    plotext.xticks(sorted({1, length, *range(0, length + 1, max(1, length // 8))} - {0}))
    console.print(Text.from_ansi(plotext.build()))
