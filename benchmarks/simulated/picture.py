"""The picture of simulated searches: the share of busy GPUs, and the idle times between trials."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from simulated.cluster import SimulatedSearch

_COLOURS = ("#0072b2", "#d55e00")  # Okabe and Ito, distinguishable with colour blindness
_BINS = 240
_LIMIT = 95


def draw(outcomes: Sequence[SimulatedSearch], epoch_seconds: float, path: Path) -> None:
    """Draw utilisation over time, and the idle times between trials.

    Args:
        outcomes: The searches.
        epoch_seconds: Mean length of an epoch (seconds).
        path: The file.
    """
    figure: Any = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    for outcome, colour in zip(outcomes, _COLOURS, strict=False):
        _draw_utilisation(left, outcome, colour)
        _draw_gaps(right, outcome, colour)
    left.axhline(_LIMIT, color="#777777", linewidth=0.8, linestyle=":")
    left.set(xlabel="minutes", ylabel="GPUs in an epoch [%]", ylim=(0, 102))
    left.set_xlim(left=0)
    left.legend(frameon=False, loc="upper right", bbox_to_anchor=(1.0, 0.93))
    right.set(xlabel="seconds from a trial to the next", ylabel="of all changes [%]", ylim=(0, 102))
    right.set_xlim(left=0)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    title = (
        f"Simulated searches, epochs of {epoch_seconds:g} s on average: utilisation, and a GPU's pause between trials"
    )
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_utilisation(axes: Any, outcome: SimulatedSearch, colour: str) -> None:
    moments, shares = outcome.curve(_BINS)
    axes.plot(moments / 60, 100 * shares, color=colour, linewidth=1.5, label=f"{outcome.slots} GPUs")
    axes.axvline(outcome.last_start / 60, color=colour, linewidth=0.8, linestyle="--")
    axes.annotate(
        "last trial started",
        (outcome.last_start / 60, 4),
        rotation=90,
        fontsize=7,
        color=colour,
        ha="right",
        va="bottom",
    )


def _draw_gaps(axes: Any, outcome: SimulatedSearch, colour: str) -> None:
    gaps = np.sort(outcome.changes)
    axes.plot(gaps, 100 * np.arange(1, len(gaps) + 1) / len(gaps), color=colour, linewidth=1.5)
