"""Pictures of several searches on the same data."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects

from models.metrics import Metric
from search.plots.figures import axis_title, best_so_far, with_axes
from search.study.records import TrialRecord

_go: Any = plotly.graph_objects  # it is partly untyped
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito: colour-blind safe


def progress(searches: Mapping[str, Sequence[TrialRecord]], objective: Metric) -> Any:
    """Return the best full trial so far of each search by the time since its first trial."""
    figure = _go.Figure()
    for number, (name, trials) in enumerate(searches.items()):
        best = best_so_far(trials, objective)
        figure.add_scatter(
            x=[minutes for minutes, _ in best],
            y=[value for _, value in best],
            name=name,
            mode="lines+markers",
            line={"shape": "hv", "color": _COLOURS[number % len(_COLOURS)]},
        )
    return with_axes(figure, "minutes since the first trial", axis_title(objective))
