"""Tests of metres and pickups of MIDI files, for scores and for performances."""

from fractions import Fraction
from pathlib import Path

import pytest

from data_prep.performances.filters import RULES
from data_prep.performances.reader import read
from data_prep.readers.midi import score as midi
from data_prep.readers.notes import Metre
from tests import hand_midi

Metres = list[tuple[float, int, int]]  # (onset in quarter notes, beats, unit)

CASES: dict[str, tuple[Metres, float, Metres]] = {
    "no metre": ([], 0, []),
    "a metre": ([(0, 4, 4)], 0, [(0, 4, 4)]),
    "a short metre": ([(0, 1, 4), (1, 4, 4)], 1, [(0, 4, 4)]),
    "three quarters": ([(0, 3, 4), (3, 4, 4)], 3, [(0, 4, 4)]),
    "an eighth of 6/8": ([(0, 1, 8), (0.5, 6, 8)], 0.5, [(0, 6, 8)]),
    "the metre repeated": ([(0, 4, 4), (1, 4, 4)], 1, [(0, 4, 4)]),
    "the metre after a pickup": ([(1.5, 4, 4)], 1.5, [(0, 4, 4)]),
    "a change later": ([(0, 1, 4), (1, 4, 4), (9, 4, 4)], 1, [(0, 4, 4), (9, 4, 4)]),
    "two at one time": ([(0, 4, 4), (0, 1, 4), (1, 4, 4)], 1, [(0, 4, 4)]),
    "full bars of 4/4": ([(0, 4, 4), (4, 4, 4)], 0, [(0, 4, 4), (4, 4, 4)]),
    "a bar of 4/4, then 3/4": ([(0, 4, 4), (4, 3, 4)], 0, [(0, 4, 4), (4, 3, 4)]),
    "several short bars": ([(0, 1, 4), (2, 4, 4)], 0, [(0, 1, 4), (2, 4, 4)]),
    "a metre from the second bar on": ([(4, 4, 4)], 0, [(4, 4, 4)]),
}


@pytest.mark.parametrize(("written", "pickup", "metres"), CASES.values(), ids=CASES)
def test_pickups(written: Metres, pickup: float, metres: Metres, tmp_path: Path) -> None:
    width = {4: 2, 8: 3}
    signatures = [(int(120 * at), bytes([0xFF, 0x58, 4, beats, width[unit], 24, 8])) for at, beats, unit in written]
    notes = [event for beat in range(24) for event in hand_midi.strike(60, 60 * beat, 60 * beat + 60)]
    data = hand_midi.midi([*signatures, *notes])
    expected = tuple(Metre(Fraction(at), beats, unit) for at, beats, unit in metres)

    (tmp_path / "t.mid").write_bytes(data)
    (piece,) = midi.read(tmp_path / "t.mid").pieces
    assert (piece.heading.metres, piece.heading.pickup) == (expected, pickup)

    file = read(data)
    assert (file.metres, file.pickup) == (expected, pickup)
    assert file.performance.onset[0] == -pickup % 4
    assert (file.performance.tick == range(0, 24 * 60, 60)).all()
    assert (RULES["not in 4/4"](file, file.performance, None) is None) == all(
        (beats, unit) == (4, 4) and (onset == 0 or (onset - pickup) % 4 == 0) for onset, beats, unit in metres
    )
