"""Piano rolls of performances, coloured by velocity."""

# matplotlib is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from data_prep.grid import STEPS_PER_BAR, STEPS_PER_QUARTER
from data_prep.performances.arrays import Performance
from data_prep.performances.scores import ACCENT
from data_prep.pitches import MAX_VELOCITY

QUARTERS_PER_BAR = STEPS_PER_BAR // STEPS_PER_QUARTER
COLOURS = "magma"
_LOUDNESS = Normalize(0, MAX_VELOCITY)


def piano_rolls(
    panels: Mapping[str, Performance],
    first_bar: int = 0,
    num_bars: int | None = None,
    markings: Mapping[str, NDArray[np.bool_]] | None = None,
) -> Figure:
    """Draw performances of the same notes one above the other, coloured by velocity.

    Args:
        panels: The performances by their titles.
        first_bar: First bar of the excerpt, from 0.
        num_bars: Length of the excerpt; None for all bars.
        markings: [n] which notes of a whole piece have each marking of its score, such as "p" or ACCENT. A dynamic is
            written where it begins, with the mean velocity of its notes in each performance; an accent is drawn as >.

    Returns:
        The figure.
    """
    begin = first_bar * QUARTERS_PER_BAR
    end = np.inf if num_bars is None else begin + num_bars * QUARTERS_PER_BAR
    shown = {title: excerpt(performance, begin, float(end)) for title, performance in panels.items()}
    pitch = np.concatenate([performance.pitch for performance in shown.values()] or [np.array([60])])
    figure = Figure(figsize=(11, 0.6 + 2.1 * len(shown)), dpi=120, layout="constrained")
    all_axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, performance) in zip(all_axes, shown.items(), strict=True):
        _draw_notes(axes, performance)
        axes.set_ylim(pitch.min() - 2, pitch.max() + (12 if markings else 2))
        _draw_markings(axes, performance, markings or {})
        velocity = performance.velocity
        axes.set_title(f"{title}   mean {velocity.mean():.0f}, spread {velocity.std():.0f}", loc="left", fontsize=9)
        axes.set_ylabel("MIDI pitch", fontsize=8)
    all_axes[-1].set_xlabel("bar")
    figure.colorbar(ScalarMappable(_LOUDNESS, COLOURS), ax=list(all_axes), label="velocity", pad=0.01)
    return figure


def _draw_notes(axes: Any, notes: Performance) -> None:
    left, right = (1 + time / QUARTERS_PER_BAR for time in (notes.onset, notes.onset + notes.duration))
    low, high = notes.pitch - 0.45, notes.pitch + 0.45
    corners = np.stack([np.stack([left, right, right, left], 1), np.stack([low, low, high, high], 1)], axis=2)
    velocity = notes.velocity.astype(float)
    axes.add_collection(PolyCollection(list(corners), array=velocity, norm=_LOUDNESS, cmap=COLOURS, linewidths=0))
    axes.set_xlim(left.min(), right.max())
    axes.set_facecolor("0.92")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_markings(axes: Any, notes: Performance, markings: Mapping[str, NDArray[np.bool_]]) -> None:
    bar = 1 + notes.onset / QUARTERS_PER_BAR
    dynamics = sorted(
        (float(bar[passage[0]]), f"{marking} {notes.velocity[passage].mean():.0f}")
        for marking, marked in markings.items()
        for passage in (_passages(notes, marked) if marking != ACCENT else ())
    )
    for number, (place, label) in enumerate(dynamics):  # in three rows, so that neighbours do not overlap
        height = 0.98 - 0.07 * (number % 3)
        axes.text(place, height, label, fontsize=7, style="italic", va="top", transform=axes.get_xaxis_transform())
    if ACCENT in markings:
        accented = markings[ACCENT]
        axes.plot(bar[accented], notes.pitch[accented] + 1.5, "k>", markersize=3)


def _passages(notes: Performance, marked: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Return the rows of each passage of marked notes; a bar or more without them begins another."""
    rows = np.flatnonzero(marked)
    return np.split(rows, np.flatnonzero(np.diff(notes.onset[rows]) >= QUARTERS_PER_BAR) + 1)


def excerpt(performance: Performance, begin: float, end: float) -> Performance:
    """Return the notes that begin in a part of a performance (quarter notes)."""
    inside = (performance.onset >= begin) & (performance.onset < end)
    return replace(performance, **{name: values[inside] for name, values in vars(performance).items()})


def with_velocities(performance: Performance, velocity: NDArray[np.float64]) -> Performance:
    """Return the same notes with other velocities; NaN leaves a note unchanged."""
    new = np.where(np.isfinite(velocity), velocity, performance.velocity)
    return replace(performance, velocity=np.clip(np.rint(new), 1, MAX_VELOCITY).astype(np.int16))
