"""The picture of a listening test's results: values with intervals and margins, the answers, and the items."""

from typing import TYPE_CHECKING, Any

from tunesmith.listening.results import Comparison, Results
from tunesmith.reports.pictures import new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

_COLOURS = (("#0072b2", "white"), ("#d55e00", "white"), ("#cccccc", "black"))
"""Colours of the answers and of the numbers on them: those of Okabe and Ito, and grey for the third answer."""

_MARKS = ("#0072b2", "#d55e00", "#cc79a7")
"""Colours of the comparisons."""

_LEAST_LABELLED = 3
"""Share of the answers above which their number is written (percent)."""


def draw(results: Results) -> "Figure":
    """Draw results.

    Args:
        results: The results of a test.

    Returns:
        The figure.
    """
    num_rows, num_items = len(results.comparisons), len(results.items)
    heights = [1.3 + 0.5 * num_rows] * 2 + ([0.9 + 0.24 * num_items] if num_items else [])
    figure = new_figure(figsize=(8, sum(heights) + 0.4), layout="constrained")
    axes: list[Any] = list(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    _draw_values(axes[0], results)
    _draw_answers(axes[1], results.comparisons)
    if num_items:
        _draw_items(axes[2], results)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_values(axis: Any, results: Results) -> None:
    """Draw the value of each comparison with its interval, and the range of equivalence."""
    centre, margin = results.comparisons[0].centre, results.plan.margin
    axis.axvspan(centre - margin, centre + margin, color="#009e73", alpha=0.15, linewidth=0)
    axis.axvline(centre, color="#009e73", linewidth=1)
    for place, comparison in enumerate(results.comparisons):
        estimate, inner = comparison.estimate, comparison.equivalence
        axis.plot([estimate.low, estimate.high], [place] * 2, color="black", linewidth=1)
        axis.plot([inner.low, inner.high], [place] * 2, color="black", linewidth=3)
        axis.plot(estimate.mean, place, "o", color="black")
    _label_rows(axis, [comparison.name for comparison in results.comparisons])
    axis.set_xlim((0, 100) if results.kind == "pair" else None)
    axis.set_xlabel("value [points]; green: equivalent within the margin")


def _draw_answers(axis: Any, comparisons: "Sequence[Comparison]") -> None:
    """Draw the share of each answer as parts of one bar for each comparison."""
    for place, comparison in enumerate(comparisons):
        begin = 0.0
        for (colour, ink), (outcome, count) in zip(_COLOURS, comparison.counts.items(), strict=True):
            share = 100 * count / comparison.estimate.count
            axis.barh(place, share, left=begin, color=colour, label=outcome if place == 0 else None)
            if share > _LEAST_LABELLED:
                axis.text(begin + share / 2, place, str(count), ha="center", va="center", color=ink, fontsize=9)
            begin += share
    _label_rows(axis, [comparison.name for comparison in comparisons])
    axis.set_xlim(0, 100)
    axis.set_xlabel("answers [%]")
    axis.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))


def _draw_items(axis: Any, results: Results) -> None:
    """Draw the value of each item."""
    rows = sorted(results.items, key=lambda row: row.mean)
    axis.axvline(results.comparisons[0].centre, color="#009e73", linewidth=1)
    for colour, comparison in zip(_MARKS, results.comparisons, strict=False):
        points = [(row.mean, place) for place, row in enumerate(rows) if row.comparison == comparison.name]
        axis.plot(*zip(*points, strict=True), "o", color=colour, label=comparison.name)
    axis.set_yticks(range(len(rows)), [_short(row.piece) for row in rows], fontsize=8)
    axis.set_xlim((0, 100) if results.kind == "pair" else None)
    axis.set_xlabel("value of each item [points]")
    axis.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
    axis.grid(axis="y", alpha=0.3)


def _label_rows(axis: Any, names: list[str]) -> None:
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)


def _short(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2 - 1]}...{text[-longest // 2 + 2 :]}"
