"""Pictures of an experiment: its rows beside the paper's numbers, and learning curves."""

from typing import TYPE_CHECKING, Any

from models.metrics import TRAIN_LOSS, Metric
from tunesmith.reports.pictures import new_figure
from tunesmith.reproducing.outcome import Outcome, RowOutcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OURS, _PAPER, _TRAINING = "#0072b2", "#d55e00", "#009e73"  # Okabe and Ito: colour-blind safe

_WIDE = 5
"""Ratio of the largest difference to the median above which the axis is logarithmic."""


def draw_rows(outcome: Outcome) -> "Figure":
    """Draw each row's value with two standard errors, and the paper's value.

    On another corpus than the paper's, both are drawn as differences from the base row, which are comparable if
    anything is.
    """
    experiment, metric = outcome.experiment, outcome.experiment.metric
    figure = new_figure(figsize=(8, 1.2 + 0.3 * len(outcome.rows)), dpi=120, layout="constrained")
    axes: Any = figure.subplots()
    for height, row in enumerate(outcome.rows):
        _draw_row(axes, height, outcome, row)
    axes.set_yticks(range(len(outcome.rows)), [row.row.name for row in outcome.rows], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", color="0.92")
    axes.spines[["top", "right", "left"]].set_visible(False)
    relative = not outcome.comparable
    if relative:
        axes.axvline(0, color="0.5", linewidth=1)
        _scale(axes, outcome)
    axes.set_xlabel(f"{metric.name}, {metric.unit}" + (f": difference from {experiment.base}" if relative else ""))
    axes.plot([], [], "o", color=_OURS, label="here, 95 % interval" if relative else "here, ± 2 standard errors")
    if any(row.published is not None for row in experiment.rows):
        axes.plot([], [], "x", color=_PAPER, label="the paper")
    figure.legend(loc="outside upper right", ncols=2, frameon=False, fontsize=8)
    return figure


def _scale(axes: Any, outcome: Outcome) -> None:
    """Make the axis logarithmic on both sides of zero if the differences are of very different sizes."""
    metric = outcome.experiment.metric
    sizes = sorted(abs(each.mean) for row in outcome.rows if (each := outcome.difference(row, metric)))
    middle = sizes[len(sizes) // 2] if sizes else 0.0
    if middle and sizes[-1] > _WIDE * middle:
        axes.set_xscale("symlog", linthresh=middle)
        axes.xaxis.set_major_formatter("{x:g}")


def _draw_row(axes: Any, height: int, outcome: Outcome, row: RowOutcome) -> None:
    published, values = row.row.published, row.values(outcome.experiment.metric)
    if not outcome.comparable:
        published = outcome.published_difference(row.row)
        difference = outcome.difference(row, outcome.experiment.metric)
        if difference is not None:
            axes.hlines(height, difference.low, difference.high, color=_OURS, linewidth=2)
            axes.plot(difference.mean, height, "o", color=_OURS)
    elif values is not None:
        half = 2 * values.standard_error
        axes.hlines(height, values.mean - half, values.mean + half, color=_OURS, linewidth=2)
        axes.plot(values.mean, height, "o", color=_OURS)
    if published is not None:
        axes.plot(published, height, "x", color=_PAPER, markersize=7, markeredgewidth=2)


def draw_curves(outcome: Outcome) -> "Figure":
    """Draw validation and training loss of every row by epoch: the mean over seeds of each fold, and of all."""
    metric = outcome.experiment.metric
    rows = [row for row in outcome.rows if row.trials]
    figure = new_figure(figsize=(4.2 * max(1, len(rows)), 3.6), dpi=120, layout="constrained")
    panels = figure.subplots(1, max(1, len(rows)), squeeze=False, sharey=False)[0]
    for row, axes in zip(rows, panels, strict=False):
        for drawn, colour, label in ((metric, _OURS, "validation"), (TRAIN_LOSS, _TRAINING, "training")):
            _draw_curve(axes, row, drawn, colour, label)
        axes.set_title(row.row.name, loc="left", fontsize=9)
        axes.set_xlabel("epoch")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel(metric.unit)
    panels[0].legend(frameon=False, fontsize=8)
    return figure


def _draw_curve(axes: Any, row: RowOutcome, metric: Metric, colour: str, label: str) -> None:
    epochs = range(1, min(len(trial.epochs) for trial in row.trials) + 1)
    points = [(epoch, values) for epoch in epochs if (values := row.values(metric, epoch)) is not None]
    if not points:
        return
    numbers = [epoch for epoch, _ in points]
    for fold in zip(*(values.values for _, values in points), strict=True):
        axes.plot(numbers, fold, color=colour, linewidth=0.8, alpha=0.35)
    axes.plot(numbers, [values.mean for _, values in points], color=colour, linewidth=2, label=label)
