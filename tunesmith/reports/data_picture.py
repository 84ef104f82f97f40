"""The picture of a corpus: a panel for each chart, or one panel for histograms with the same bins."""

from typing import TYPE_CHECKING, Any

from data_prep.wording import counted, plural
from tunesmith.reports.pictures import new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from data_prep.corpora.description import Chart, Description

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito: colour-blind safe
_MOST_BARS = 16


def draw(description: "Description", corpus: str) -> "Figure":
    """Draw the charts of a corpus.

    Args:
        description: The description of the corpus.
        corpus: The name of the corpus, for the title.

    Returns:
        The figure.
    """
    charts = description.charts()
    together = all(chart.whole for chart in charts)
    panels = 1 if together else len(charts)
    figure = new_figure(figsize=(8, 4.5) if together else (4.2 * panels, 4.5), layout="constrained")
    axes: list[Any] = list(figure.subplots(1, panels, squeeze=False)[0])
    if together:
        _draw_overlaid(axes[0], charts)
    else:
        for axis, chart in zip(axes, charts, strict=True):
            _draw_bars(axis, chart)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    notes = counted(description.num_notes, "note")
    figure.suptitle(f"{corpus}: {counted(description.num_pieces, 'open piece')}, {notes}", fontsize=11)
    return figure


def _draw_overlaid(axis: Any, charts: "Sequence[Chart]") -> None:
    """Draw histograms as steps, each normalised to its total, so that small ones are visible next to large ones."""
    for index, chart in enumerate(charts):
        edges = [int(name.split("-")[0]) for name in chart.counts]
        edges.append(2 * edges[-1] - edges[-2])
        total = sum(chart.counts.values())
        shares = [100 * count / total for count in chart.counts.values()]
        colour = _COLOURS[index % len(_COLOURS)]
        label = f"{chart.title.partition(', ')[2]} ({counted(total, chart.unit)})"
        axis.stairs(shares, edges, color=colour, linewidth=2, label=label)
        axis.stairs(shares, edges, color=colour, alpha=0.12, fill=True)
        axis.set_xlim(edges[0], edges[-1])
        axis.set_xticks(edges[::2])
    axis.set_ylim(bottom=0)
    axis.set_xlabel("MIDI velocity")
    axis.set_ylabel(f"{plural(charts[0].unit)} of the style [%]")
    axis.legend(frameon=False)


def _draw_bars(axis: Any, chart: "Chart") -> None:
    names, counts = list(chart.counts)[:_MOST_BARS], list(chart.counts.values())[:_MOST_BARS]
    axis.barh(names[::-1], counts[::-1], color=_COLOURS[0])
    axis.set_title(chart.title, fontsize=10)
    axis.set_xlabel(plural(chart.unit))
