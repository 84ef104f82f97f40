"""Curves in a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotext
from rich.console import Console
from rich.text import Text

_plotext: Any = plotext  # it has no types

_HEIGHT = 16
_COLOURS = ("cyan+", "green+", "orange+", "magenta+", "blue+", "red+")


def draw_curves(console: Console, title: str, curves: Mapping[str, Sequence[float]], first: int = 1) -> None:
    """Draw one line for each named sequence over the epochs; nothing without sequences.

    Args:
        console: Where to draw.
        title: The title, including the unit.
        curves: Sequences of equal length by name.
        first: The epoch of their first values.
    """
    if not curves:
        return
    _plotext.clear_figure()
    _plotext.theme("clear")
    _plotext.plot_size(min(console.width, 100), _HEIGHT)
    _plotext.title(title)
    last = first + max(len(values) for values in curves.values()) - 1
    for (name, values), colour in zip(curves.items(), _COLOURS * len(curves), strict=False):
        _plotext.plot(range(first, first + len(values)), list(values), label=name, color=colour, marker="braille")
    _plotext.xticks(sorted({first, last, *range(0, last + 1, max(1, last // 8))} - set(range(first))))
    console.print(Text.from_ansi(_plotext.build()))
