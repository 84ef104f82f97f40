from fractions import Fraction

import pytest
from music21.key import Key

from data_prep.pitches import REST
from data_prep.tunes.notation import MODES, Mode, Tune, signature


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tonic", range(12))
def test_key_signatures_tonics_and_scales_are_music21s(tonic: int, mode: Mode) -> None:
    fifths = signature(tonic, mode)
    tune = Tune((60,), (Fraction(1),), fifths=fifths, mode=mode)
    keys = [Key(name, mode) for name in ("C", "C#", "D", "D#", "E-", "E", "F", "F#", "G", "G#", "A-", "A", "B-", "B")]
    [key] = [key for key in keys if key.tonic.pitchClass == tonic and key.sharps == fifths] or [None]
    if key is None:  # an enharmonic spelling of the signature
        key = next(key for key in keys if key.tonic.pitchClass == tonic)
        assert (key.sharps - fifths) % 12 == 0
    assert tune.tonic == tonic
    assert tune.scale == {pitch.pitchClass for pitch in key.pitches}


def test_bars_count_from_the_pickup() -> None:
    eighth = Fraction(1, 2)
    tune = Tune((67, 69, 71, 72, 74), (eighth, Fraction(3, 2), Fraction(3, 2), eighth, eighth), (6, 8), eighth)
    assert tune.onsets() == (0, eighth, Fraction(2), Fraction(7, 2), Fraction(4))
    assert tune.bars() == (0, 1, 1, 2, 2)
    full = Tune((67, 69), (Fraction(3), Fraction(3)), (6, 8))
    assert full.bars() == (0, 1)


def test_transposing_keeps_rests_and_moves_the_signature() -> None:
    tune = Tune((62, REST, 66), (Fraction(1),) * 3, fifths=2)
    moved = tune.transposed(-2)
    assert moved.pitch == (60, REST, 64)
    assert (moved.fifths, moved.tonic) == (0, 0)
    assert moved.transposed(2) == tune
