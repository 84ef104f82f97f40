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
from data_prep.pitches import MAX_VELOCITY

QUARTERS_PER_BAR = STEPS_PER_BAR // STEPS_PER_QUARTER
COLOURS = "magma"
_LOUDNESS = Normalize(0, MAX_VELOCITY)


def piano_rolls(panels: Mapping[str, Performance], first_bar: int = 0, num_bars: int | None = None) -> Figure:
    """Draw performances of the same notes one above the other, coloured by velocity.

    Args:
        panels: The performances by their titles.
        first_bar: Where the excerpt begins, from 0.
        num_bars: Its length; None for all.

    Returns:
        A figure that belongs to no window.
    """
    begin = first_bar * QUARTERS_PER_BAR
    end = np.inf if num_bars is None else begin + num_bars * QUARTERS_PER_BAR
    shown = {title: _excerpt(one, begin, float(end)) for title, one in panels.items()}
    pitch = np.concatenate([one.pitch for one in shown.values()] or [np.array([60])])
    figure = Figure(figsize=(11, 0.6 + 2.1 * len(shown)), dpi=120, layout="constrained")
    all_axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, one) in zip(all_axes, shown.items(), strict=True):
        _draw_notes(axes, one)
        axes.set_ylim(pitch.min() - 2, pitch.max() + 2)
        axes.set_title(
            f"{title}   mean {one.velocity.mean():.0f}, spread {one.velocity.std():.0f}", loc="left", fontsize=9
        )
        axes.set_ylabel("MIDI pitch", fontsize=8)
    all_axes[-1].set_xlabel("bar")
    figure.colorbar(ScalarMappable(_LOUDNESS, COLOURS), ax=list(all_axes), label="velocity", pad=0.01)
    return figure


def _draw_notes(axes: Any, one: Performance) -> None:
    left, right = (1 + time / QUARTERS_PER_BAR for time in (one.onset, one.onset + one.duration))
    low, high = one.pitch - 0.45, one.pitch + 0.45
    corners = np.stack([np.stack([left, right, right, left], 1), np.stack([low, low, high, high], 1)], axis=2)
    notes = PolyCollection(list(corners), array=one.velocity.astype(float), norm=_LOUDNESS, cmap=COLOURS, linewidths=0)
    axes.add_collection(notes)
    axes.set_xlim(left.min(), right.max())
    axes.set_facecolor("0.92")
    axes.spines[["top", "right"]].set_visible(False)


def _excerpt(one: Performance, begin: float, end: float) -> Performance:
    inside = (one.onset >= begin) & (one.onset < end)
    return replace(one, **{name: values[inside] for name, values in vars(one).items()})


def with_velocities(performance: Performance, velocity: NDArray[np.float64]) -> Performance:
    """Return the same notes with other velocities; NaN leaves a note as it is."""
    new = np.where(np.isfinite(velocity), velocity, performance.velocity)
    return replace(performance, velocity=np.clip(np.rint(new), 1, MAX_VELOCITY).astype(np.int16))
