"""Names of pitches in keys."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21.key import Key, KeySignature
from music21.pitch import Pitch

from data_prep.tunes.notation import MODES, Mode, Tune
from data_prep.tunes.spelling import Accidentals, Name, signed, spell, tonic


def _pitch(name: Name) -> Any:
    return Pitch(f"{name.letter}{'#' * name.alter}{'-' * -name.alter}", octave=name.octave)


@given(st.integers(1, 126), st.integers(-7, 7))
def test_a_name_denotes_its_pitch(pitch: int, fifths: int) -> None:
    name = spell(pitch, fifths)
    assert _pitch(name).midi == pitch
    assert abs(name.alter) <= 1


@pytest.mark.parametrize("fifths", range(-7, 8))
def test_names_in_a_key_are_those_of_its_scale(fifths: int) -> None:
    scale = KeySignature(fifths).asKey("major").pitches[:7]
    assert {pitch.name for pitch in scale} == {
        _pitch(spell(pitch, fifths)).name
        for pitch in range(60, 72)
        if pitch % 12 in {degree.pitchClass for degree in scale}
    }
    assert all(signed(fifths)[pitch.step] == pitch.alter for pitch in scale)


@pytest.mark.parametrize(
    ("fifths", "pitch", "name"),
    [(2, 66, "F#4"), (2, 72, "C5"), (2, 68, "G#4"), (-2, 66, "F#4"), (0, 63, "E-4"), (0, 68, "G#4"), (0, 70, "B-4")],
)
def test_pitches_outside_the_scale_have_their_usual_names(fifths: int, pitch: int, name: str) -> None:
    assert _pitch(spell(pitch, fifths)).nameWithOctave == name


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fifths", range(-4, 5))
def test_tonics_are_music21s(fifths: int, mode: Mode) -> None:
    key = Key(tonic(Tune((60,), (), fifths=fifths, mode=mode)).replace("b", "-"), mode)
    assert key.sharps == fifths


def test_an_accidental_is_written_once_per_bar_and_cancelled() -> None:
    in_force = Accidentals(signed(1))
    sharp, natural, above = Name("G", 1, 4), Name("G", 0, 4), Name("G", 0, 5)
    assert [in_force.needed(name) for name in (natural, sharp, sharp, above, natural, natural)] == [
        False, True, False, True, True, False,
    ]  # fmt: skip
    assert not in_force.needed(Name("F", 1, 5))
    assert in_force.needed(Name("F", 0, 5))


def test_the_next_note_after_a_tie_over_a_bar_line_has_an_accidental() -> None:
    in_force = Accidentals(signed(0))
    in_force.tie(Name("B", -1, 4))
    assert in_force.needed(Name("B", 0, 4))
    assert not in_force.needed(Name("B", 0, 4))
