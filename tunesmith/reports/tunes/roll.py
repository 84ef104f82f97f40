"""Piano rolls of tunes, with the prompt and the composed notes in different colours."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from data_prep.pitches import REST
from data_prep.tunes.spelling import spell
from tunesmith.reports.pictures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data_prep.tunes.notation import Tune

_GIVEN, _COMPOSED = "#0072b2", "#d55e00"  # Okabe and Ito: colour-blind safe
_SIGNS = {-1: "♭", 0: "", 1: "♯"}
_GAP = Fraction(1, 16)
"""Gap after each note, so that repeated notes are separated (quarter notes)."""


def piano_roll(tune: "Tune") -> "Figure":
    """Draw a tune's pitches against its bars.

    Args:
        tune: The tune.

    Returns:
        The figure: the notes of the prompt and the composed notes in different colours, and pitches outside the key's
        scale shaded.
    """
    figure = new_figure(figsize=(11, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    sounding = [pitch for pitch in tune.pitch if pitch != REST] or [60]
    low, high = min(sounding) - 2, max(sounding) + 2
    _draw_scale(axes, tune, range(low, high + 1))
    _draw_notes(axes, tune, "prompt", _GIVEN, range(tune.num_prompt))
    _draw_notes(axes, tune, "composed", _COMPOSED, range(tune.num_prompt, tune.num_notes))
    numbered = 0 if tune.pickup else 1
    end = float(_in_bars(tune, tune.onsets()[-1] + tune.duration[-1]))
    axes.set_xlim(float(_in_bars(tune, Fraction(0))), end)
    axes.set_xticks(range(1, numbered + tune.bars()[-1] + 1))
    axes.set_ylim(low - 0.5, high + 0.5)
    axes.grid(axis="x", color="0.8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("bar")
    axes.set_title(tune.title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    if tune.num_prompt > 0:
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure


def _in_bars(tune: "Tune", time: Fraction) -> Fraction:
    """Return a time in bars; the first full bar begins at 1."""
    return 1 + (time - tune.pickup) / tune.bar_length


def _draw_scale(axes: Any, tune: "Tune", pitches: range) -> None:
    for pitch in pitches:
        if pitch % 12 not in tune.scale:
            axes.axhspan(pitch - 0.5, pitch + 0.5, color="0.94", zorder=0)
    ticks = [pitch for pitch in pitches if pitch % 12 in tune.scale]
    names = [spell(pitch, tune.fifths) for pitch in ticks]
    labels = [f"{name.letter}{_SIGNS[name.alter]}{name.octave}" for name in names]
    axes.set_yticks(ticks, labels, fontsize=7)


def _draw_notes(axes: Any, tune: "Tune", label: str, colour: str, numbers: range) -> None:
    onsets = tune.onsets()
    notes = [number for number in numbers if tune.pitch[number] != REST]
    durations = (tune.duration[number] for number in notes)
    if notes:
        axes.barh(
            [tune.pitch[number] for number in notes],
            [float((duration - min(_GAP, duration / 2)) / tune.bar_length) for duration in durations],
            left=[float(_in_bars(tune, onsets[number])) for number in notes],
            height=0.9,
            color=colour,
            label=label,
        )
