"""The drift of a tune's key."""

from fractions import Fraction

import pytest

from data_prep.tunes.notation import Tune
from tunesmith.reproducing.tunes import key_drift

SCALE = (60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60, 67, 60)


@pytest.mark.parametrize("fifths", range(-5, 7))
def test_a_tune_that_modulates_drifts_by_the_fifths_between_its_keys(fifths: int) -> None:
    other = tuple(pitch + 7 * fifths % 12 for pitch in SCALE)
    tune = Tune(SCALE + other, (Fraction(1, 2),) * (2 * len(SCALE)))
    assert key_drift(tune) == abs(fifths)
