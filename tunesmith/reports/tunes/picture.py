"""The picture of the report on composed tunes: the measures of tunes, compared with those of the corpus."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data_prep.tunes.corpus_measures import CENTRE
from data_prep.tunes.measures import MEASURES
from data_prep.wording import counted
from tunesmith.reports.pictures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data_prep.tunes.corpus_measures import CorpusMeasures
    from tunesmith.reports.tunes.contents import TuneReport

_COLUMNS = 5
_ALL, _CENTRAL = "#e3e6e9", "#bcc3c9"  # greys
_TUNE, _UNUSUAL = "#0072b2", "#d55e00"  # Okabe and Ito: colour-blind safe
_BINS = 24

_BARS_TOP, _MARKS_FROM, _MARKS_TOP = 0.6, 0.66, 0.98
"""Heights of the highest bar, the lowest mark and the highest mark, as fractions of the panel's height."""

_MARK_WIDTH, _LETTER_WIDTH, _MARK_HEIGHT = 0.03, 0.028, 0.075
"""Sizes of a mark and of a letter of its label, as fractions of the panel's width and height."""

_MIDDLE = 0.5


def draw(report: "TuneReport", corpus: "CorpusMeasures") -> "Figure":
    """Draw a panel for each measure that is known for the corpus.

    Args:
        report: The report.
        corpus: The corpus's measures.

    Returns:
        The figure: histograms of the corpus, and above them a mark for each tune.
    """
    names = [name for name in MEASURES if len(corpus.known(name))]
    rows = -(-(len(names) + 1) // _COLUMNS)
    figure = new_figure(figsize=(2.75 * _COLUMNS, 2.4 * rows + 0.5), dpi=120, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.12, w_pad=0.1)
    panels: list[Any] = list(figure.subplots(rows, _COLUMNS, squeeze=False).flat)
    for axes, name in zip(panels, names, strict=False):
        values = {stem: tune["values"][name] for stem, tune in report["tunes"].items()}
        _draw_panel(axes, name, corpus, {stem: value for stem, value in values.items() if value["value"] is not None})
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    _draw_legend(panels[len(names)])
    count = len(report["tunes"])
    title = f"{counted(count, 'composed tune')} and the {counted(corpus.num_pieces, 'piece')} of {corpus.corpus}"
    figure.suptitle(title, fontsize=13, x=0.01, ha="left", fontweight="bold")
    return figure


def _draw_panel(axes: Any, name: str, corpus: "CorpusMeasures", tunes: Mapping[str, Any]) -> None:
    unit = MEASURES[name].unit
    scale = 100 if unit == "share" else 1
    known = corpus.known(name) * scale
    values = [value["value"] * scale for value in tunes.values()]
    edges = _edges(name, known, values)
    if unit == "yes or no":
        _draw_answers(axes, known)
    else:
        _draw_histogram(axes, known, edges)
    _draw_marks(axes, list(tunes), values, [value["unusual"] is not None for value in tunes.values()], edges)
    axes.set_xlim(edges[0], edges[-1])
    in_unit = {"share": " [%]", "semitones": " [semitones]"}.get(unit, "")
    axes.set_title(f"{MEASURES[name].title}{in_unit}", loc="left", fontsize=10)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_yticks([])


def _draw_answers(axes: Any, known: NDArray[np.float64]) -> None:
    shares = [100 * np.count_nonzero(known == answer) / len(known) for answer in (0, 1)]
    bars = axes.bar([0, 1], shares, width=0.6, color=_CENTRAL)
    axes.bar_label(bars, fmt="%.0f %%", label_type="center", fontsize=8, color="0.35")
    axes.set_xticks([0, 1], ["no", "yes"])
    axes.set_ylim(0, max(shares) / _BARS_TOP)


def _draw_histogram(axes: Any, known: NDArray[np.float64], edges: NDArray[np.float64]) -> None:
    """Draw the histogram of the corpus; the outermost bars include all pieces beyond the edges."""
    from matplotlib.ticker import MaxNLocator

    counts, _ = np.histogram(np.clip(known, edges[0], edges[-1]), edges)
    low, high = np.quantile(known, CENTRE, method="nearest")
    central = (edges[1:] > low) & (edges[:-1] <= high)
    axes.stairs(counts, edges, fill=True, color=_ALL)
    axes.stairs(np.where(central, counts, 0), edges, fill=True, color=_CENTRAL)
    axes.axvline(float(np.median(known)), ymax=_BARS_TOP, color="0.3", linewidth=1, linestyle=(0, (3, 2)))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.set_ylim(0, counts.max() / _BARS_TOP)


def _draw_marks(
    axes: Any, stems: Sequence[str], values: Sequence[float], unusual: Sequence[bool], edges: NDArray[np.float64]
) -> None:
    """Draw a mark for each tune, stacked if marks would overlap.

    Unusual tunes are labelled, unless their labels do not fit.
    """
    places = [float((value - edges[0]) / (edges[-1] - edges[0])) for value in values]
    labels = [stem if is_unusual else "" for stem, is_unusual in zip(stems, unusual, strict=True)]
    levels = _levels([_span(place, label) for place, label in zip(places, labels, strict=True)])
    max_levels = (_MARKS_TOP - _MARKS_FROM) / _MARK_HEIGHT
    if max(levels, default=0) > max_levels:
        labels = [""] * len(labels)
        levels = _levels([_span(place, "") for place in places])
    squeeze = min(1, max_levels / max([1, *levels]))
    for place, label, is_unusual, level in zip(places, labels, unusual, levels, strict=True):
        height = _MARKS_FROM + _MARK_HEIGHT * squeeze * level
        axes.plot(
            place,
            height,
            "o",
            transform=axes.transAxes,
            clip_on=False,
            color=_UNUSUAL if is_unusual else _TUNE,
            markersize=max(4.5, 6 * squeeze),
            markeredgecolor="white",
            markeredgewidth=0.7,
        )
        side = 1 if place < _MIDDLE else -1
        axes.annotate(
            label,
            (place, height),
            xycoords="axes fraction",
            xytext=(5 * side, 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center_baseline",
            fontsize=7.5,
            color=_UNUSUAL,
        )


def _span(place: float, label: str) -> tuple[float, float]:
    """Return the left and right ends of a mark and its label, which is placed towards the middle."""
    left, right = place - _MARK_WIDTH / 2, place + _MARK_WIDTH / 2
    width = _LETTER_WIDTH * len(label)
    return (left, right + width) if place < _MIDDLE else (left - width, right)


def _levels(spans: Sequence[tuple[float, float]]) -> list[int]:
    """Return the lowest level for each span on which it does not overlap an earlier span."""
    taken: list[list[tuple[float, float]]] = []
    levels: list[int] = []
    for left, right in spans:
        free = [all(right <= begin or left >= end for begin, end in level) for level in taken]
        level = free.index(True) if True in free else len(taken)
        if level == len(taken):
            taken.append([])
        taken[level].append((left, right))
        levels.append(level)
    return levels


def _edges(name: str, known: NDArray[np.float64], values: Sequence[float]) -> NDArray[np.float64]:
    """Return the edges of a histogram's bins, which cover the tunes and the central part of the corpus."""
    low, high = np.quantile(known, CENTRE, method="nearest").tolist()
    low, high = min([low, *values]), max([high, *values])
    unit = MEASURES[name].unit
    if unit == "yes or no":
        return np.array([-0.5, 0.5, 1.5])
    if unit == "share" or name == "notes_per_bar":
        margin = (high - low) / _BINS / 2 or 0.5
        return np.linspace(low - margin, high + margin, _BINS + 1)
    width = max(1, round((high - low) / _BINS))
    return np.arange(low - 0.5, high + width, width)


def _draw_legend(axes: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(color=_CENTRAL, label="the corpus's pieces"),
        Patch(color=_ALL, label="pieces outside the central 95 %\n(the outermost bars include all beyond)"),
        Line2D([], [], color="0.3", linewidth=1, linestyle=(0, (3, 2)), label="median of the corpus"),
        Line2D([], [], color=_TUNE, marker="o", linestyle="", label="a composed tune"),
        Line2D([], [], color=_UNUSUAL, marker="o", linestyle="", label="a tune outside the central 95 %"),
    ]
    legend = axes.legend(handles=handles, loc="center left", frameon=False, fontsize=9)
    legend.set_in_layout(False)  # the next panel is empty
