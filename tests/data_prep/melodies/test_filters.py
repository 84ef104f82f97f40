"""The rules, each on real tunes, and their counts on all of O'Neill's."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from data_prep.melodies.filters import MIN_NOTES, RULES, broken_rule
from data_prep.readers.notes import Piece


@pytest.mark.parametrize(
    ("rule", "file", "number"),
    [
        ("grace notes", "0201-0300.abc", "202"),
        ("chords", "0101-0200.abc", "135"),
        ("rests", "0201-0300.abc", "203"),
        ("metre changes", "0201-0300.abc", "264"),
        ("key changes", "0001-0050.abc", "8"),
        ("odd durations", "0201-0300.abc", "201"),
        ("slurs written as ties", "0001-0050.abc", "8"),
    ],
)
def test_a_tune_that_breaks_a_rule(rule: str, file: str, number: str, oneills: Callable[[str, str], Piece]) -> None:
    assert RULES[rule](oneills(file, number))


def test_a_plain_tune_breaks_no_rule(oneills: Callable[[str, str], Piece]) -> None:
    rules = tuple(name for name in RULES if name != "not in four parts")
    assert broken_rule(oneills("0001-0050.abc", "38"), rules) is None


def test_the_first_rule_that_applies_is_named(oneills: Callable[[str, str], Piece]) -> None:
    piece = oneills("0201-0300.abc", "201")  # grace notes, odd durations
    assert broken_rule(piece, ("odd durations", "grace notes")) == "odd durations"
    assert broken_rule(piece, ("grace notes", "odd durations")) == "grace notes"
    assert broken_rule(piece, ()) is None


def test_a_tie_between_equal_pitches_is_not_a_slur(oneills: Callable[[str, str], Piece]) -> None:
    assert not RULES["slurs written as ties"](oneills("0201-0300.abc", "224"))


def test_triplets_and_dots_are_plain(piece: Callable[..., Piece]) -> None:
    plain = [Fraction(1, 3)] * 3 + [Fraction(3, 4), Fraction(1, 4), Fraction(1, 8), Fraction(1, 6), Fraction(7, 2)]
    assert not RULES["odd durations"](piece([60] * 8, plain))
    assert RULES["odd durations"](piece([60], [Fraction(1, 5)]))


def test_a_voice_of_rests_is_too_short(piece: Callable[..., Piece]) -> None:
    assert RULES["too short"](piece([-1] * 50 + [60] * (MIN_NOTES - 1)))
    assert not RULES["too short"](piece([60] * MIN_NOTES))


def test_four_parts(piece: Callable[..., Piece]) -> None:
    assert not RULES["not in four parts"](piece([60], num_parts=4))
    assert RULES["not in four parts"](piece([60], num_parts=5))
