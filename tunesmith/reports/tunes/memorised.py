"""The picture of a memorised tune: a grid of the continuations by different networks."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from data_prep.pitches import REST
from data_prep.wording import counted
from tunesmith.reports.pictures import new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from models.uses.offers import Recollection

_COLOURS = {"given": "0.7", "right": "#0072b2", "wrong": "#d55e00"}  # grey; Okabe and Ito: colour-blind safe
_WIDTH, _HEIGHT = 2.6, 1.3
"""Size of a panel, in inches."""

_SOUNDING = Fraction(9, 10)
"""The drawn fraction of a note's length, so that repeated notes are separated."""


def draw_grid(cells: "Sequence[Recollection]", title: str) -> "Figure":
    """Draw the continuations of a tune by networks, in rows by number of inputs and columns by number of iterations.

    Args:
        cells: The recollections of the grid, row by row.
        title: The tune's title.

    Returns:
        The figure: each panel shows the given notes, and the others coloured as right or wrong. Its title is the share
        of right notes.
    """
    from matplotlib.patches import Patch

    rows = list(dict.fromkeys(cell.num_inputs for cell in cells))
    columns = list(dict.fromkeys(cell.iterations for cell in cells))
    size = (_WIDTH * len(columns) + 1, _HEIGHT * len(rows) + 1)
    figure = new_figure(figsize=size, dpi=120, layout="constrained")
    panels = figure.subplots(len(rows), len(columns), sharex=True, sharey=True, squeeze=False)
    for panel, cell in zip(panels.flat, cells, strict=True):
        _draw_notes(panel, cell)
        panel.set_title(f"{sum(cell.right)} of {len(cell.right)} right ({cell.share:.0%})", fontsize=8)
        panel.set_xticks([])
        panel.set_yticks([])
        panel.spines[:].set_color("0.8")
    for row, panel in zip(rows, panels[:, 0], strict=True):
        panel.set_ylabel(counted(row, "input"), fontsize=9)
    for column, panel in zip(columns, panels[-1], strict=True):
        panel.set_xlabel(counted(column, "iteration"), fontsize=9)
    figure.suptitle(title, fontsize=11)
    handles = [Patch(color=colour, label=name) for name, colour in _COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower right", ncols=len(handles), frameon=False, fontsize=8)
    return figure


def _draw_notes(panel: Any, cell: "Recollection") -> None:
    tune = cell.tune
    kinds = ["given"] * tune.num_prompt + ["right" if right else "wrong" for right in cell.right]
    for kind, colour in _COLOURS.items():
        notes = [
            (pitch, float(onset), float(onset + duration * _SOUNDING))
            for pitch, onset, duration, which in zip(tune.pitch, tune.onsets(), tune.duration, kinds, strict=True)
            if which == kind and pitch != REST
        ]
        if notes:
            panel.hlines(*zip(*notes, strict=True), colors=colour, linewidth=4)
