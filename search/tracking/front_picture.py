"""The picture of quality against cost: every complete trial, with the Pareto front."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from models.metrics import Metric
from search.study.report import CostedTrial

_FRONT, _PROMOTED = "#0072b2", "#d55e00"  # Okabe and Ito: colour-blind safe

_WIDE = 5
"""Ratio of the largest cost to the smallest above which the axis is logarithmic."""


def front_picture(
    trials: Sequence[CostedTrial], objective: Metric, search: str, cost: str, promoted: int | None = None
) -> Figure:
    """Draw the objective of trials against their cost, the front with its standard errors.

    Args:
        trials: The complete trials, at least one, by cost ascending.
        objective: The metric that was optimised.
        search: The search's name, for the title.
        cost: The cost in words, for the axis.
        promoted: The number of the trial that a promotion chooses, if that is known.

    Returns:
        A figure that belongs to no window.
    """
    figure: Any = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")  # matplotlib is partly untyped
    axes: Any = figure.subplots()
    front = [trial for trial in trials if trial.on_front]
    others = [trial for trial in trials if not trial.on_front]
    axes.plot([each.cost for each in others], [each.score.mean for each in others], "o", color="0.75", label="trials")
    costs, means = [each.cost for each in front], [each.score.mean for each in front]
    axes.plot(costs, means, color=_FRONT, linewidth=1, drawstyle="steps-post")
    errors = None if len(front[0].score.values) == 1 else [each.score.standard_error for each in front]
    axes.errorbar(costs, means, errors, fmt="o", color=_FRONT, label="front" + (", ± standard error" if errors else ""))
    for each in front:
        axes.annotate(f"#{each.number}", (each.cost, each.score.mean), (5, 5), textcoords="offset points", fontsize=8)
    for each in trials:
        if each.number == promoted:
            style = {"markersize": 13, "markerfacecolor": "none", "markeredgewidth": 2}
            axes.plot(each.cost, each.score.mean, "o", color=_PROMOTED, label="a promotion's choice", **style)
    if max(each.cost for each in trials) > _WIDE * min(each.cost for each in trials):
        axes.set_xscale("log")
    axes.set_xlabel(cost)
    axes.set_ylabel(f"{objective.name}, {objective.unit}")
    axes.set_title(f"{search}: quality against cost", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
