"""Allowed notes compared with a search over all ways to fill a bar."""

from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.melodies.events import REST_PITCH
from models.composer.composing.note_rules import BarPosition, Bars, NoteRules, usable_tokens
from tests.models.toy_vocabulary import vocabulary_of

HALF = Fraction(1, 2)


def rules(made: MelodyVocabulary, resolution: int, *, beat_in_tokens: bool = False) -> NoteRules:
    usable = usable_tokens(made, 0, 127, None)
    return NoteRules(made, usable, beat_in_tokens=beat_in_tokens, resolution=resolution, unit=resolution)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True), st.integers(1, 30))
def test_only_lengths_that_let_the_bar_be_filled_are_allowed(lengths: list[int], room: int) -> None:
    @cache
    def can_fill(left: int) -> bool:
        return left == 0 or any(can_fill(left - length) for length in lengths if length <= left)

    made = vocabulary_of([(60, number) for number in range(len(lengths))], [Fraction(length) for length in lengths])
    actual = rules(made, 1).allowed(BarPosition(0, room, room + 40), None)
    fitting = [length <= room and can_fill(room - length) for length in lengths]
    if any(fitting):
        assert actual.tokens.tolist() == fitting
        assert actual.length is None
    else:  # then a note may cross the bar line
        assert actual.tokens.tolist() == [length <= room + 40 for length in lengths]


@given(st.data())
def test_tokens_with_a_bar_position_are_allowed_if_they_lead_to_the_end_of_the_bar(data: st.DataObject) -> None:
    bar = 6
    token = st.tuples(st.just(60), st.integers(0, 2), st.integers(0, bar - 1))
    tokens = data.draw(st.lists(token, min_size=1, max_size=8, unique=True))
    position = data.draw(st.integers(0, bar - 1))

    @cache
    def can_fill(at: int) -> bool:
        return at == bar or any(can_fill(at + length + 1) for _, length, place in tokens if place == at)

    durations, places = [Fraction(number) for number in (1, 2, 3)], [Fraction(number) for number in range(bar)]
    made = rules(vocabulary_of(tokens, durations, places), 1, beat_in_tokens=True)
    fitting = [place == position and can_fill(position + length + 1) for _, length, place in tokens]
    actual = made.allowed(BarPosition(position, bar - position, 100), None)
    if any(fitting):
        assert actual.tokens.tolist() == fitting
    else:
        assert actual.tokens.any()
        crossing = [place == position for _, _, place in tokens]
        assert actual.tokens.tolist() == (crossing if any(crossing) else [True] * len(tokens))
        assert actual.length == (None if any(crossing) else bar - position)


def test_a_note_that_ends_the_tune_is_the_tonic() -> None:
    made = rules(vocabulary_of([(60, 0), (62, 0), (62, 1), (74, 1), (REST_PITCH, 0)], [HALF, Fraction(1)]), 2)
    before, last = BarPosition(6, 2, 2), BarPosition(7, 1, 1)
    assert made.allowed(before, 2).tokens.tolist() == [True, True, True, True, True]
    assert made.allowed(before, 0).tokens.tolist() == [True, True, False, False, True]
    assert made.allowed(last, 2).tokens.tolist() == [False, True, False, False, False]
    assert made.allowed(last, None).tokens.tolist() == [True, True, False, False, True]
    # The tonic has no effect before the last bar.
    assert made.allowed(BarPosition(7, 1, 9), 2).tokens.tolist() == [True, True, False, False, True]


def test_a_tonic_of_another_length_is_shortened_to_the_bar() -> None:
    made = rules(vocabulary_of([(60, 0), (62, 1)], [HALF, Fraction(1)]), 2)
    actual = made.allowed(BarPosition(7, 1, 1), 2)
    assert (actual.tokens.tolist(), actual.length) == ([False, True], 1)
    nothing = made.allowed(BarPosition(7, 1, 1), 5)  # the model has no such pitch at all
    assert (nothing.tokens.tolist(), nothing.length) == ([True, False], None)


def test_a_note_fills_the_bar_if_no_length_fits() -> None:
    made = rules(vocabulary_of([(60, 0), (62, 0)], [Fraction(2)]), 2)
    actual = made.allowed(BarPosition(7, 1, 1), None)
    assert (actual.tokens.tolist(), actual.length) == ([True, True], 1)


def test_a_pickup_shortens_the_last_bar() -> None:
    bars = Bars(length=8, pickup=3, end=24)
    assert [bars.place(onset) for onset in (0, 2, 3, 10, 19, 23)] == [
        BarPosition(5, 3, 24),
        BarPosition(7, 1, 22),
        BarPosition(0, 8, 21),
        BarPosition(7, 1, 14),
        BarPosition(0, 5, 5),
        BarPosition(4, 1, 1),
    ]


@pytest.mark.parametrize(("low", "high", "scale", "expected"), [
    (0, 127, None, [True, True, True, True]),
    (61, 127, None, [False, True, True, True]),
    (0, 127, frozenset({0, 3}), [True, False, True, True]),
    (61, 62, None, [False, True, False, True]),
    (61, 61, None, [False, False, False, False]),
])  # fmt: skip
def test_usable_tokens_are_pitches_of_range_and_scale_but_never_only_rests(
    low: int, high: int, scale: frozenset[int] | None, expected: list[bool]
) -> None:
    made = vocabulary_of([(60, 0), (62, 0), (63, 0), (REST_PITCH, 0)], [HALF])
    assert usable_tokens(made, low, high, scale).tolist() == expected


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True), st.integers(1, 20), st.integers(1, 6))
def test_a_tune_leaves_room_for_a_long_last_note(lengths: list[int], room: int, closing: int) -> None:
    @cache
    def can_fill(left: int) -> bool:
        return left == 0 or any(can_fill(left - length) for length in lengths if length <= left)

    made = rules(vocabulary_of([(60, n) for n in range(len(lengths))], [Fraction(length) for length in lengths]), 1)
    fitting = [length <= room and can_fill(room - length) for length in lengths]
    closes = [
        fit and (length >= closing if length == room else room - length >= closing)
        for length, fit in zip(lengths, fitting, strict=True)
    ]
    actual = made.allowed(BarPosition(0, room, room, closing), None)
    if any(closes):
        assert actual.tokens.tolist() == closes
    elif any(fitting):
        assert actual.tokens.tolist() == fitting
    # The rule has no effect before the last bar.
    earlier = made.allowed(BarPosition(0, room, room + 40, closing), None).tokens.tolist()
    assert earlier == made.allowed(BarPosition(0, room, room + 40), None).tokens.tolist()
