"""The picture of a trial's learning curve."""

from typing import Any

from matplotlib.figure import Figure

from models.metrics import Metric
from search.study.records import TrialRecord


def learning_curve(trial: TrialRecord, metric: Metric) -> Figure:
    """Plot a metric against epochs: each fold, their mean and its standard error.

    Args:
        trial: The trial, with at least one epoch.
        metric: The metric.

    Returns:
        A figure that belongs to no window.
    """
    epochs = [record.report.epoch for record in trial.epochs]
    folds = [record.report.metrics[metric.name] for record in trial.epochs]
    means = [values.mean for values in folds]
    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    axes: Any = figure.subplots()  # matplotlib's methods are partly untyped
    for fold, values in enumerate(zip(*(each.values for each in folds), strict=True)):
        axes.plot(epochs, values, color="0.75", linewidth=1, label="folds" if fold == 0 else None)
    axes.plot(epochs, means, color="tab:blue", linewidth=2, label="mean")
    if len(folds[0].values) > 1:
        low = [values.mean - values.standard_error for values in folds]
        high = [values.mean + values.standard_error for values in folds]
        axes.fill_between(epochs, low, high, color="tab:blue", alpha=0.2, linewidth=0, label="± standard error")
    axes.set_xlabel("epoch")
    axes.set_ylabel(metric.unit)
    axes.set_title(f"trial {trial.number}: {metric.name} {means[-1]:.3f}")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
