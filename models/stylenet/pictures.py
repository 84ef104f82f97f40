"""Pictures of a StyleNet after Malik and Ek (2017): snapshots, encoding and distributions of velocities."""

# matplotlib is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from data_prep.encodings.piano_grid import encode, quantise, velocities
from data_prep.grid import STEPS_PER_BAR, STEPS_PER_QUARTER
from data_prep.performances.arrays import Performance, Performances
from data_prep.performances.filters import MIN_VELOCITIES
from data_prep.pitches import LOWEST_KEY, MAX_VELOCITY, NUM_KEYS
from models.stylenet.performer import Performer
from models.uses.offers import Example
from models.uses.performing import flat as flat_velocities
from models.uses.rolls import COLOURS, QUARTERS_PER_BAR, excerpt, piano_rolls, with_velocities

_BIN = 4
"""Width of a histogram's bins (velocities)."""

_MOST_COUNTED = 12
"""Most performances of a style in a histogram: enough for its shape."""

_BARS = 8
"""Bars in an excerpt."""


def trial_pictures(performer: Performer, performances: Performances) -> Iterator[tuple[str, Figure]]:
    """Draw a held-out performance of each style, the model's predictions for it, and histograms of velocities.

    Args:
        performer: The model.
        performances: The data of its trial; each piece is predicted by the network of the fold that holds it out.

    Yields:
        Names ("snapshot_jazz") and figures.
    """
    for number, style in enumerate(performances.styles):
        piece = _typical(performances, number)
        human = performances.one(piece)
        fold = int(performances.fold[piece])
        first_bar = _middle(human)
        predicted = {name: with_velocities(human, performer.velocities(human, name, fold)) for name in performer.styles}
        title = performances.ids[piece]
        yield f"snapshot_{style}", _snapshot(title, human, predicted, performer.interpretation(human, fold), first_bar)
        flat = with_velocities(human, flat_velocities(human))
        rolls = {f"flat: {title}": flat, "as played": human, f"the model in {style}": predicted[style]}
        yield f"piano_roll_{style}", piano_rolls(rolls, first_bar, _BARS)
        if number == 0:
            yield "encoding", _encoding(human, first_bar)
    yield "velocities", _histograms(performer, performances)
    yield "distinct_velocities", _distinct(performances)


def examples(performer: Performer, performances: Performances) -> list[Example]:
    """Perform an excerpt of a held-out performance of each style.

    Args:
        performer: The model.
        performances: The data of its trial; each piece is predicted by the network of the fold that holds it out.

    Returns:
        For each style, the excerpt with equal velocities, with those of the model, and with those of the performance.
    """
    several: list[Example] = []
    for number, style in enumerate(performances.styles):
        piece = _typical(performances, number)
        human = performances.one(piece)
        predicted = performer.velocities(human, style, int(performances.fold[piece]))
        begin = _middle(human) * QUARTERS_PER_BAR
        versions = {
            "flat": with_velocities(human, flat_velocities(human)),
            "by the model": with_velocities(human, predicted),
            "as played": human,
        }
        parts = {
            name: excerpt(all_bars, begin, begin + _BARS * QUARTERS_PER_BAR) for name, all_bars in versions.items()
        }
        title = performances.ids[piece]
        several.append(Example(title if style in title else f"{title}, {style}", parts))
    return several


def _middle(performance: Performance) -> int:
    """Return the bar after a third of a performance, where excerpts begin."""
    return max(0, int(performance.onset[-1]) // QUARTERS_PER_BAR // 3)


def _histograms(performer: Performer, performances: Performances) -> Figure:
    """Draw histograms of played and predicted velocities over some held-out performances of every style."""
    figure = Figure(figsize=(11, 0.6 + 2.1 * len(performances.styles)), dpi=120, layout="constrained")
    all_axes = figure.subplots(len(performances.styles), 1, sharex=True, squeeze=False)[:, 0]
    edges = np.arange(0, MAX_VELOCITY + 2, _BIN)
    for number, (style, axes) in enumerate(zip(performances.styles, all_axes, strict=True)):
        pieces = held_out(performances, number)
        some = [int(piece) for piece in pieces[:: -(-len(pieces) // _MOST_COUNTED)]]
        played = [performances.one(piece) for piece in some]
        predicted = [
            with_velocities(human, performer.velocities(human, style, int(performances.fold[piece])))
            for piece, human in zip(some, played, strict=True)
        ]
        for name, heard in (("played", played), ("predicted", predicted)):
            counts, _ = np.histogram(np.concatenate([performance.velocity for performance in heard]), edges)
            axes.stairs(100 * counts / counts.sum(), edges, label=name, fill=name == "played", alpha=0.5, linewidth=2)
        axes.set_title(f"{style}: {len(some)} held-out performances", loc="left", fontsize=9)
        axes.set_ylabel("notes [%]", fontsize=8)
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    all_axes[-1].set_xlabel("MIDI velocity")
    return figure


def _distinct(performances: Performances) -> Figure:
    """Draw how many different velocities each performance has (figure 12), with the fewest that are accepted."""
    counts = [len(np.unique(performances.one(piece).velocity)) for piece in range(performances.num_pieces)]
    figure = Figure(figsize=(7, 3.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    edges = np.arange(0, MAX_VELOCITY + _BIN + 1, _BIN)
    for number, style in enumerate(performances.styles):
        axes.hist(np.array(counts)[performances.style == number], edges.tolist(), alpha=0.6, label=style)
    axes.axvline(MIN_VELOCITIES, color="0.3", linewidth=1, linestyle="--", label=f"at least {MIN_VELOCITIES}")
    axes.set_xlabel("different velocities of a performance")
    axes.set_ylabel("performances")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _snapshot(
    title: str, human: Performance, heard: Mapping[str, Performance], inner: NDArray[np.float64] | None, first_bar: int
) -> Figure:
    """Draw one piece as played and in each style, with the interpretation layer (figure 17)."""
    grids = {f"as played: {title}": _grid(human, first_bar)}
    grids |= {f"the model in {style}": _grid(performance, first_bar) for style, performance in heard.items()}
    low, high = _used_keys(next(iter(grids.values())))
    styles = list(heard)
    num_panels = len(grids) + (len(styles) > 1) + (inner is not None)
    figure = Figure(figsize=(11, 0.6 + 1.7 * num_panels), dpi=120, layout="constrained")
    all_axes = list(figure.subplots(num_panels, 1, squeeze=False)[:, 0])
    extent = (first_bar + 1, first_bar + 1 + _BARS, LOWEST_KEY + low - 0.5, LOWEST_KEY + high - 0.5)
    for (name, grid), axes in zip(grids.items(), all_axes, strict=False):
        _show(axes, name, grid[:, low:high].T * MAX_VELOCITY, extent, (0, MAX_VELOCITY), COLOURS)
    if len(styles) > 1:
        values = list(grids.values())
        difference = (values[1] - values[2])[:, low:high].T * MAX_VELOCITY
        most = max(float(np.abs(difference).max()), 1.0)
        name = f"{styles[0]} louder (red), {styles[1]} louder (blue)"
        _show(all_axes[len(grids)], name, difference, extent, (-most, most), "RdBu_r")
    if inner is not None:
        name = "interpretation layer, all units over the entire piece"
        _show(all_axes[-1], name, inner.T, None, (-1, 1), "RdBu_r")
    return figure


def _show(
    axes: Any,
    title: str,
    values: NDArray[Any],
    extent: Any,
    bounds: tuple[float, float],
    colours: str,
    *,
    legend: bool = True,
) -> None:
    axes.set_title(title, loc="left", fontsize=9)
    axes.tick_params(labelsize=7)
    norm = Normalize(*bounds)
    image = axes.imshow(
        values, aspect="auto", origin="lower", extent=extent, norm=norm, cmap=colours, interpolation="nearest"
    )
    if legend:
        axes.figure.colorbar(image, ax=axes, pad=0.01)


def _encoding(human: Performance, first_bar: int) -> Figure:
    """Draw two bars of the input grid (struck, held, silent) and the output (figures 13 and 14)."""
    notes, _ = quantise(human.onset, human.duration, human.pitch, human.velocity)
    span = slice(first_bar * STEPS_PER_BAR, (first_bar + 2) * STEPS_PER_BAR)
    sheet = encode(notes, notes.num_steps)[span]
    loudness = velocities(notes, notes.num_steps)[span] * MAX_VELOCITY
    state = (sheet[:, 0::2] + sheet[:, 1::2]).astype(float)
    low, high = _used_keys(state)
    figure = Figure(figsize=(11, 6), dpi=120, layout="constrained")
    upper, lower = figure.subplots(2, 1)
    extent = (0, len(state), LOWEST_KEY + low - 0.5, LOWEST_KEY + high - 0.5)
    name = "input: struck [1,1] dark, held [0,1] light, silent [0,0] white"
    _show(upper, name, state[:, low:high].T, extent, (0, 2), "Blues", legend=False)
    name = "output: velocity, on held cells too"
    _show(lower, name, loudness[:, low:high].T, extent, (0, MAX_VELOCITY), COLOURS)
    for axes in (upper, lower):
        axes.set_xticks(range(0, len(state) + 1, STEPS_PER_QUARTER))
        axes.set_ylabel("MIDI pitch", fontsize=8)
    lower.set_xlabel("sixteenths")
    return figure


def _used_keys(cells: NDArray[np.floating]) -> tuple[int, int]:
    """Return the first key that sounds anywhere in cells [T, 88], and the one after the last."""
    keys = np.flatnonzero(cells.any(axis=0))
    return (int(keys[0]), int(keys[-1]) + 1) if len(keys) else (0, NUM_KEYS)


def _grid(performance: Performance, first_bar: int) -> NDArray[np.float32]:
    """Return [_BARS * 16, 88] velocities / 127 of an excerpt, 0 for silence."""
    notes, _ = quantise(performance.onset, performance.duration, performance.pitch, performance.velocity)
    span = slice(first_bar * STEPS_PER_BAR, (first_bar + _BARS) * STEPS_PER_BAR)
    return velocities(notes, max(notes.num_steps, span.stop))[span]


def held_out(performances: Performances, style: int) -> NDArray[np.intp]:
    """Return the performances of a style that a network holds out: with a single split, few of them."""
    fold = performances.fold
    return np.flatnonzero((performances.style == style) & (fold >= 0) & (fold < performances.num_folds))


def _typical(performances: Performances, style: int) -> int:
    """Return the held-out performance of median length in a style."""
    pieces = held_out(performances, style)
    length = np.diff(performances.start)[pieces]
    return int(pieces[np.argsort(length, kind="stable")[len(pieces) // 2]])
