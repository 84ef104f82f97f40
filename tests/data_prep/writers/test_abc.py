# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (music21 has no types for the parts that are used here)
"""ABC as written, and as two readers read it."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from music21 import converter

from data_prep.corpora.named import corpora
from data_prep.pitches import REST
from data_prep.readers.abc.files import split_tunes
from data_prep.readers.abc.tunes import read_tune
from data_prep.readers.scores import read
from data_prep.tunes.notation import Tune, signature
from data_prep.tunes.prompts import tune_of
from data_prep.writers.abc import to_abc
from tests.hand_tunes import JIG, REEL, SLIP_JIG, TUNES, joined, sung, tunes


def _by_our_reader(text: str) -> Tune:
    ((number, element),) = split_tunes(text)
    (piece,) = read_tune(number, element)
    return tune_of(piece)


def _by_music21(text: str) -> list[tuple[int, Fraction]]:
    score: Any = converter.parse(text, format="abc", forceSource=True)
    return joined(
        [
            (REST if element.isRest else element.pitch.midi, Fraction(element.quarterLength).limit_denominator(65535))
            for element in score.parts[0].stripTies().flatten().notesAndRests
        ]
    )


@given(tunes())
def test_our_reader_reads_what_was_written(tune: Tune) -> None:
    restored = _by_our_reader(to_abc(tune))
    assert sung(restored) == sung(tune)
    assert (restored.metre, restored.tonic, restored.mode) == (tune.metre, tune.tonic, tune.mode)
    assert (restored.fifths - tune.fifths) % 12 == 0  # G flat or F sharp
    if sum(tune.duration) > tune.bar_length:
        assert restored.pickup == tune.pickup


@settings(max_examples=40)
@given(tunes())
def test_music21_reads_what_was_written(tune: Tune) -> None:
    assert _by_music21(to_abc(tune)) == sung(tune)


def test_tunes_of_oneills_are_restored() -> None:
    pieces = read(corpora()["oneills"].folder / "0201-0300.abc").pieces[:60:2]
    assert len(pieces) == 30
    for piece in pieces:
        tune = tune_of(piece)
        text = to_abc(tune)
        restored = _by_our_reader(text)
        assert (sung(restored), restored.metre, restored.fifths, restored.mode) == (
            sung(tune), tune.metre, tune.fifths, tune.mode,
        )  # fmt: skip
        if len(tune.duration) and restored.pickup != tune.pickup:
            assert sum(tune.duration) <= tune.bar_length
        assert _by_music21(text) == sung(tune)


def test_the_jig_in_abc() -> None:
    assert to_abc(JIG).splitlines() == [
        "%abc-2.1",
        "X:1",
        "T:The Jig of Tests",
        "N:the first 12 notes were given, the others composed",
        "M:6/8",
        "L:1/8",
        "Q:3/8=110",
        "K:D",
        "A | d2f afd | e2f gfe | dfa afd | ecA A2G |",
        "F2A dAF | G2B edc | dfe dBA | B3- B2A |",
        "d2f afd | e6 | z3 dBA | A^GA B=cB |",
        "A2F E2D | D3- D2 |]",
    ]


def test_triplets_broken_rhythms_and_ties_over_bar_lines() -> None:
    lines = to_abc(REEL).splitlines()[8:]
    assert lines == [
        "eAAB cABG | A2eA fAeA | eAAB cdef | gedB A2Bd |",
        "A3B- B2cd | e4 z2ef | z8 | (3ABc (3BAG A2z2 |",
        "A3/2B/2 c3/2d/2 e3f | A/2B/2c d4 e2 | f2g4 a2 | A8- | A4 |]",
    ]
    assert to_abc(SLIP_JIG).splitlines()[7] == "B | d2B BAB d2B | c2A ABc B2A | G6- G3 | A2B d6- |"


@pytest.mark.parametrize(
    ("tonic", "mode", "key"),
    [(9, "dorian", "Ador"), (9, "mixolydian", "Amix"), (4, "minor", "Em"), (10, "major", "Bb"), (6, "minor", "F#m")],
)
def test_keys_have_their_modes(tonic: int, mode: Any, key: str) -> None:
    assert f"\nK:{key}\n" in to_abc(Tune((60,), (Fraction(4),), fifths=signature(tonic, mode), mode=mode))


def test_accidentals_are_written_once_per_bar_and_again_over_a_tie() -> None:
    quarter = Fraction(1)
    pitch = (68, 68, 80, 79, 68, 68, 67)
    duration = (quarter, quarter, quarter, quarter, *(quarter,) * 2, Fraction(2))
    assert to_abc(Tune(pitch, duration)).splitlines()[-1] == "^G2G2 ^g2=g2 | ^G2G2 =G4 |]"
    tied = Tune((60, 66, 65), (Fraction(3), Fraction(2), Fraction(3)))
    assert to_abc(tied).splitlines()[-1] == "C6 ^F2- | ^F2=F6 |]"


@pytest.mark.parametrize("tune", TUNES.values(), ids=TUNES)
def test_lines_have_four_bars(tune: Tune) -> None:
    music = [line for line in to_abc(tune).splitlines() if line.endswith(("|", "|]"))]
    assert all(line.count("|") == 4 + (tune.pickup > 0 and line is music[0]) for line in music[:-1])
    assert music[-1].endswith("|]")
