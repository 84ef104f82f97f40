# pyright: reportUnknownMemberType=false
# (matplotlib is partly untyped)
from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

import pytest
from matplotlib.colors import to_hex

from data_prep.pitches import REST
from data_prep.tunes.notation import Tune
from tests.hand_tunes import TUNES
from tunesmith.reports.tunes.roll import piano_roll


def _notes(tune: Tune) -> list[tuple[float, float, str]]:
    """Return the left end (bars), the pitch and the colour of each drawn note."""
    (axes,) = piano_roll(tune).axes
    bars = [bar for container in axes.containers for bar in cast("Any", container)]
    return [(bar.get_x(), bar.get_y() + bar.get_height() / 2, to_hex(bar.get_facecolor())) for bar in bars]


@pytest.mark.parametrize("tune", TUNES.values(), ids=TUNES)
def test_every_note_is_drawn_at_its_pitch_and_bar(tune: Tune) -> None:
    notes = _notes(tune)
    sounding = [(onset, pitch) for onset, pitch in zip(tune.onsets(), tune.pitch, strict=True) if pitch != REST]
    assert [round(height) for _, height, _ in notes] == [pitch for _, pitch in sounding]
    for (left, _, _), (onset, _) in zip(notes, sounding, strict=True):
        assert left == pytest.approx(float(1 + (onset - tune.pickup) / tune.bar_length))


def test_the_prompt_has_another_colour() -> None:
    tune = TUNES["jig"]
    colours = [colour for _, _, colour in _notes(tune)]
    assert set(colours[:12]).isdisjoint(colours[12:])
    assert (len(set(colours[:12])), len(set(colours[12:]))) == (1, 1)
    (axes,) = piano_roll(tune).axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["prompt", "composed"]
    assert piano_roll(replace(tune, num_prompt=0)).axes[0].get_legend() is None


def test_a_tune_of_rests_is_an_empty_picture() -> None:
    assert _notes(Tune((REST,), (Fraction(4),))) == []
