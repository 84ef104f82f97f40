"""The order in which the stretches of a score are played, and its notes and signatures in that order."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.limits import MAX_NOTES
from data_prep.readers.notes import Metre, Note
from data_prep.readers.repeats import MAX_STRETCHES, Course, Sign, Turn, playing_order


def _order(*turns: Turn, parts: str = "", repeats_in_parts: bool = True) -> str:
    order = playing_order(turns, [1] * (len(turns) - 1), parts, repeats_in_parts=repeats_in_parts)
    return "".join("abcdefgh"[stretch] for stretch in order)


def _signs(*signs: Sign) -> Turn:
    return Turn(signs=set(signs))


def _ending(*numbers: int, times: int = 0, opens: bool = False) -> Turn:
    return Turn(opens=opens, times=times, endings=frozenset(numbers))


NONE, OPENS, CLOSES, DIVIDES = Turn(), Turn(opens=True), Turn(times=2), Turn(divides=True)


@pytest.mark.parametrize(
    ("turns", "order"),
    [
        ([NONE, NONE], "a"),
        ([NONE, CLOSES, NONE], "aab"),
        ([NONE, OPENS, CLOSES, NONE], "abbc"),
        ([OPENS, Turn(opens=True, times=2), CLOSES], "aabb"),
        ([NONE, Turn(times=3)], "aaa"),
        ([NONE, CLOSES, CLOSES], "aabb"),  # from the repeat before
        ([NONE, DIVIDES, CLOSES], "abb"),  # from the double bar
        ([OPENS, DIVIDES, CLOSES], "abab"),  # which does not divide what is opened
        ([OPENS, NONE, OPENS, CLOSES, CLOSES], "abccdd"),  # repeats do not nest
        ([OPENS, NONE], "a"),
    ],
)
def test_repeats(turns: list[Turn], order: str) -> None:
    assert _order(*turns) == order


@pytest.mark.parametrize(
    ("turns", "order"),
    [
        ([OPENS, _ending(1), _ending(2, times=2), DIVIDES, NONE], "abacd"),
        ([NONE, _ending(1), _ending(2), NONE], "abac"),  # the first one leads back without a sign
        ([NONE, _ending(1), _ending(2, times=2), CLOSES, NONE], "abacd"),  # the last one does not, even with a sign
        ([NONE, _ending(1), CLOSES, NONE], "abac"),  # a first ending alone
        ([NONE, _ending(1), NONE, NONE], "abc"),  # which does not close
        ([NONE, Turn(times=2, endings=frozenset({2})), NONE], "aab"),  # a second ending alone
        ([NONE, _ending(1, 3), _ending(2, times=2), _ending(4, times=2), NONE], "abacabad"),
        ([NONE, _ending(1, 2), Turn(times=3, endings=frozenset({3})), NONE], "ababac"),
        ([NONE, _ending(1), _ending(1), _ending(2), NONE], "abcad"),  # the marks of an ending may be two stretches
        ([NONE, _ending(1), _ending(2), _ending(1), NONE], "abacd"),  # another section has a first ending again
        ([NONE, _ending(1), _ending(2), _ending(1, opens=True), NONE], "abacd"),
    ],
)
def test_endings(turns: list[Turn], order: str) -> None:
    assert _order(*turns) == order


@pytest.mark.parametrize(
    ("turns", "order"),
    [
        ([NONE, _signs("da capo")], "aa"),
        ([NONE, _signs("fine"), _signs("da capo")], "aba"),
        (
            [NONE, CLOSES, Turn(times=2, signs={"fine"}), OPENS, Turn(times=2, signs={"da capo"})],
            "aabbcddab",
        ),  # no repeats
        ([NONE, _signs("segno"), _signs("fine"), _signs("dal segno")], "abcb"),
        ([NONE, _signs("segno"), _signs("to coda"), _signs("dal segno", "coda"), NONE], "abcbd"),
        ([NONE, _signs("to coda"), _signs("da capo"), _signs("coda"), NONE], "abad"),
        ([NONE, _ending(1), _ending(2, times=2), _signs("da capo", "fine")], "abacac"),  # the last ending only
        ([NONE, _signs("dal segno"), NONE], "ab"),  # to nowhere
        ([NONE, _signs("da capo"), _signs("da capo"), NONE], "aabc"),  # the first one alone
        ([NONE, _signs("to coda"), _signs("da capo"), NONE], "ababc"),  # no coda
    ],
)
def test_jumps(turns: list[Turn], order: str) -> None:
    assert _order(*turns) == order


A, B, C = (Turn(label=label, divides=True) for label in "ABC")


@pytest.mark.parametrize(
    ("turns", "parts", "order"),
    [
        ([A, B, C, NONE], "ABACA", "abaca"),
        ([A, B, NONE], "", "ab"),
        ([A, B, NONE], "XY", "ab"),
        ([A, B, NONE], "BXB", "bb"),
        ([NONE, A, B, NONE], "BA", "acb"),  # what comes before the parts
        ([A, OPENS, Turn(times=2, label="B"), NONE], "ABA", "abbcabb"),  # repeats in a part
        ([A, _ending(1), _ending(2), Turn(label="B"), NONE], "AABA", "abacdab"),  # the plays of a part are its passes
        ([A, _ending(1), _ending(2), Turn(label="B"), NONE], "AB", "abacd"),
        ([A, B, A, NONE], "BA", "ba"),
    ],
)
def test_parts(turns: list[Turn], parts: str, order: str) -> None:
    assert _order(*turns, parts=parts) == order


def test_a_list_of_sections_determines_the_whole_order() -> None:
    turns = [Turn(label="A"), OPENS, Turn(times=2, label="B"), NONE]
    assert _order(*turns, parts="ABA", repeats_in_parts=False) == "abcab"


@st.composite
def _turns(draw: st.DrawFn) -> Turn:
    endings = draw(st.sampled_from([(), (), (), (1,), (2,), (1, 2), (3,), (1, 3)]))
    times = draw(st.sampled_from([0, 0, 2, 3]))
    return Turn(draw(st.booleans()), times, draw(st.booleans()), frozenset[int](endings))


@given(st.lists(_turns(), min_size=2, max_size=12))
def test_every_stretch_is_played_a_finite_number_of_times(turns: list[Turn]) -> None:
    order = playing_order(turns, [1] * (len(turns) - 1))
    assert set(order) == set(range(len(turns) - 1))
    assert len(order) <= 4 * (len(turns) - 1)


@given(st.lists(_turns(), min_size=2, max_size=8), st.integers(1, 8), st.sampled_from(["fine", "to coda"]))
def test_a_jump_plays_its_target_without_repeats(turns: list[Turn], at: int, sign: Sign) -> None:
    straight = playing_order(turns, [1] * (len(turns) - 1))
    turns[-1].signs.add("da capo")
    turns[min(at, len(turns) - 1)].signs.add(sign)
    order = playing_order(turns, [1] * (len(turns) - 1))
    assert order[: len(straight)] == straight
    again = order[len(straight) :]
    assert again == sorted(set(again))


def test_too_many_turns_are_rejected() -> None:
    many = [Turn(), *(Turn(times=100) for _ in range(30))]
    with pytest.raises(ValueError, match=f"at most {MAX_NOTES} notes are read: with repeats expanded it has"):
        playing_order(many, [2000] * 30)
    with pytest.raises(ValueError, match=f"at most {MAX_STRETCHES} sections are played: with repeats expanded"):
        playing_order([Turn(label="A"), *(Turn() for _ in range(30))], [0] * 30, ["A"] * 1000)
    with pytest.raises(ValueError, match="a section is played at most 100 times: a repeat or an ending asks for 101"):
        Turn().close(101)
    with pytest.raises(ValueError, match="a section is played at most 100 times"):
        Turn().end_as([1, 1000])


def _note(onset: float, duration: float, pitch: int = 60) -> Note:
    return Note(Fraction(onset), Fraction(duration), pitch, "n")


def test_notes_are_moved_with_their_stretch() -> None:
    course = Course([0, 0, 1], [Fraction(0), Fraction(2), Fraction(3)])
    grace = _note(2, 0, 61)
    notes = [_note(0, 1), _note(1, 1), grace, _note(2, 1)]
    played = course.notes(notes, [0, 3, 4])  # the grace note ends the first stretch
    assert [(note.onset, note.duration, note.pitch) for note in played] == [
        (0, 1, 60),
        (1, 1, 60),
        (2, 0, 61),
        (2, 1, 60),
        (3, 1, 60),
        (4, 0, 61),
        (4, 1, 60),
    ]


def test_a_note_held_over_a_stretch_is_cut_only_if_another_stretch_follows() -> None:
    onsets = [Fraction(0), Fraction(2), Fraction(4)]
    notes = [_note(0, 1), _note(1, 2), _note(3, 1)]
    assert [note.duration for note in Course([0, 1], onsets).notes(notes, [0, 2, 3])] == [1, 2, 1]
    assert [note.duration for note in Course([0, 0, 1], onsets).notes(notes, [0, 2, 3])] == [1, 1, 1, 2, 1]


def test_signatures_are_repeated_where_others_are_in_force() -> None:
    metres = [Metre(Fraction(0), 4, 4), Metre(Fraction(4), 3, 4), Metre(Fraction(7), 2, 4)]
    onsets = [Fraction(0), Fraction(7), Fraction(9)]
    assert Course([0, 0, 1], onsets).signatures(metres) == [
        (0, 4, 4),
        (4, 3, 4),
        (7, 4, 4),
        (11, 3, 4),
        (14, 2, 4),
    ]
    assert Course([0, 1, 1], onsets).signatures(metres) == metres  # it holds
    assert Course([0, 1], onsets).signatures(metres[1:]) == metres[1:]
    assert Course([1, 0], onsets).signatures(metres) == [(0, 2, 4), (2, 4, 4), (6, 3, 4)]


def test_times_are_repeated_as_often_as_they_are_played() -> None:
    course = Course([0, 0, 1], [Fraction(0), Fraction(4), Fraction(6)])
    assert list(course.times([Fraction(0), Fraction(1), Fraction(4), Fraction(6)])) == [1, 4, 5, 8, 10]
