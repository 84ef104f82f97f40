"""The picture of a trial's learning curve."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from models.metrics import TRAIN_LOSS, FoldValues, Metric
from search.study.records import TrialRecord

_VALIDATION, _TRAINING = "#0072b2", "#009e73"  # Okabe and Ito: colour-blind safe


def learning_curve(trial: TrialRecord, metric: Metric) -> Figure:
    """Plot a metric and the training loss against epochs: each fold, their mean and its standard error.

    The two have panels of their own, because the training loss usually has another unit.

    Args:
        trial: The trial, with at least one epoch.
        metric: The metric.

    Returns:
        A figure that belongs to no window.
    """
    reports = [record.report for record in trial.epochs_of_all]
    epochs = [report.epoch for report in reports]
    drawn = [(metric, "held-out pieces", _VALIDATION), (TRAIN_LOSS, "training", _TRAINING)]
    panels = [
        (each, name, colour, [report.metrics[each.name] for report in reports])
        for each, name, colour in drawn
        if all(each.name in report.metrics for report in reports)
    ]
    figure: Any = Figure(figsize=(5.5 * len(panels), 4), dpi=120, layout="constrained")  # matplotlib is partly untyped
    all_axes: list[Any] = list(figure.subplots(1, len(panels), squeeze=False)[0])
    for axes, (each, name, colour, values) in zip(all_axes, panels, strict=True):
        _draw(axes, epochs, values, colour)
        axes.set_xlabel("epoch")
        axes.set_ylabel(each.unit)
        axes.set_title(f"{name}: {each.name} {values[-1].mean:.3f}", fontsize=10)
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"trial {trial.number}")
    return figure


def _draw(axes: Any, epochs: Sequence[int], values: Sequence[FoldValues], colour: str) -> None:
    means = [each.mean for each in values]
    for fold, line in enumerate(zip(*(each.values for each in values), strict=True)):
        axes.plot(epochs, line, color="0.75", linewidth=1, label="folds" if fold == 0 else None)
    axes.plot(epochs, means, color=colour, linewidth=2, label="mean")
    if len(values[0].values) > 1:
        low = [each.mean - each.standard_error for each in values]
        high = [each.mean + each.standard_error for each in values]
        axes.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0, label="± standard error")
