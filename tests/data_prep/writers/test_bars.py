"""Bars and written values of tunes."""

from fractions import Fraction

import pytest
from hypothesis import given

from data_prep.pitches import REST
from data_prep.tunes.notation import Tune
from data_prep.writers.bars import WrittenBar, bars, is_written, lines
from tests.hand_tunes import EIGHTH, THIRD, in_eighths, tunes


def _lengths(tune: Tune) -> list[list[str]]:
    """Return the lengths in eighths of the notes in each bar, with ~ if they are tied to the next."""
    return [[f"{note.length * 2}{'~' if note.tied_after else ''}" for note in bar.notes] for bar in bars(tune)]


@given(tunes())
def test_bars_contain_the_tune(tune: Tune) -> None:
    written = bars(tune)
    notes: list[tuple[int, Fraction]] = []
    last = -1
    for note in (note for bar in written for note in bar.notes):
        if note.note == last:
            assert not note.begins
            notes[-1] = (note.pitch, notes[-1][1] + note.length)
        else:
            assert note.begins
            assert note.note == last + 1
            notes.append((note.pitch, note.length))
        last = note.note
    assert notes == list(zip(tune.pitch, tune.duration, strict=True))


@given(tunes())
def test_bars_are_full_except_the_first_and_the_last(tune: Tune) -> None:
    written = bars(tune)
    assert [bar.number for bar in written] == list(range(0 if tune.pickup else 1, len(written) + (not tune.pickup)))
    assert all(bar.length == tune.bar_length for bar in written[1:-1])
    if len(written) > 1:
        assert written[0].length == (tune.pickup or tune.bar_length)
    for bar in written:
        assert all(note.end == after.offset for note, after in zip(bar.notes, bar.notes[1:], strict=False))
        assert bar.notes[-1].end <= tune.bar_length


@given(tunes())
def test_values_can_be_written_and_ties_join_the_parts_of_a_note(tune: Tune) -> None:
    flat = [note for bar in bars(tune) for note in bar.notes]
    for note, after in zip(flat, [*flat[1:], None], strict=True):
        assert is_written(note.value)
        continues = after is not None and after.note == note.note and note.pitch != REST
        assert note.tied_after == continues
        assert note.tied_before == (not note.begins and note.pitch != REST)


@pytest.mark.parametrize(
    ("metre", "eighths", "expected"),
    [
        ((6, 8), "60:5 62", [["3~", "2", "1"]]),
        ((6, 8), "60:2 62:2 64:2", [["2", "1~", "1", "2"]]),
        ((6, 8), "60 62:5", [["1", "2~", "3"]]),
        ((6, 8), "60:6", [["6"]]),
        ((9, 8), "60:9", [["6~", "3"]]),
        ((12, 8), "60:12 62:9 64:3", [["12"], ["6~", "3", "3"]]),
        ((4, 4), "60 62:2 64 65:4", [["1", "2", "1", "4"]]),  # syncopations within half a bar are not split
        ((4, 4), "60:3 62:2 64:3", [["3", "1~", "1", "3"]]),  # the middle of the bar is shown
        ((4, 4), "60:2 62:4 64:2", [["2", "4", "2"]]),
        ((4, 4), "60:2 62:6", [["2", "6"]]),
        ((4, 4), "60:5 62:3", [["4~", "1", "3"]]),
        ((4, 4), "60:7 62", [["4~", "3", "1"]]),
        ((4, 4), "60:12 62:4", [["8~"], ["4", "4"]]),
        ((4, 4), "60:1/2 62:2 64:3/2 65:4", [["1/2", "3/2~", "1/2", "3/2", "4"]]),
        ((3, 4), "60:5 62", [["4~", "1", "1"]]),
        ((4, 4), "60 -:3 62:4", [["1", "1", "2", "4"]]),  # rests show the beats
        ((6, 8), "60:4 -:2", [["3~", "1", "2"]]),
    ],
)
def test_notes_are_split_where_the_metre_requires_it(
    metre: tuple[int, int], eighths: str, expected: list[list[str]]
) -> None:
    pitch, duration = in_eighths(eighths)
    assert _lengths(Tune(pitch, duration, metre)) == expected


def _tuplets(*lengths: Fraction) -> list[tuple[int, str, str]]:
    tune = Tune((60,) * len(lengths), lengths)
    return [(note.tuplet, str(note.ratio), str(note.value)) for bar in bars(tune) for note in bar.notes]


def test_tuplets_end_as_soon_as_they_are_full() -> None:
    plain = (-1, "1", "1")
    assert _tuplets(*(THIRD,) * 6, Fraction(1)) == [*[(0, "3/2", "1/2")] * 3, *[(1, "3/2", "1/2")] * 3, plain]
    assert _tuplets(2 * THIRD, THIRD, Fraction(1)) == [(0, "3/2", "1"), (0, "3/2", "1/2"), plain]
    assert _tuplets(*(2 * THIRD,) * 3) == [(0, "3/2", "1")] * 3  # over two beats, without a tie at the second
    assert _tuplets(*(Fraction(1, 5),) * 5) == [(0, "5/4", "1/4")] * 5
    assert _tuplets(THIRD, Fraction(1), 2 * THIRD) == [(0, "3/2", "1/2"), (0, "3/2", "3/2"), (0, "3/2", "1")]


def test_an_incomplete_tuplet_is_written_too() -> None:
    assert _tuplets(THIRD, THIRD) == [(0, "3/2", "1/2")] * 2
    assert _tuplets(THIRD, Fraction(1)) == [(0, "3/2", "1/2"), (-1, "1", "1")]


def _spans(metre: tuple[int, int], eighths: str, pickup: Fraction = Fraction(0)) -> list[list[int]]:
    pitch, duration = in_eighths(eighths)
    return [[note.span for note in bar.notes] for bar in bars(Tune(pitch, duration, metre, pickup))]


def test_beams_show_the_beats() -> None:
    ones = " ".join(["60"] * 8)
    assert _spans((4, 4), ones) == [[0, 0, 0, 0, 1, 1, 1, 1]]
    assert _spans((4, 4), "60 60 60:1/2 60:1/2 60 60 60 60 60") == [[0, 0, 1, 1, 1, 2, 2, 2, 2]]
    assert _spans((4, 4), "60:2/3 60:2/3 60:2/3 60 60 60 60 60 60") == [[0, 0, 0, 1, 1, 2, 2, 2, 2]]
    assert _spans((6, 8), ones, EIGHTH) == [[1], [0, 0, 0, 1, 1, 1], [0]]
    assert _spans((3, 4), ones) == [[0, 0, 1, 1, 2, 2], [0, 0]]
    assert _spans((5, 8), ones) == [[0, 0, 0, 1, 1], [0, 0, 0]]
    assert _spans((7, 8), ones) == [[0, 0, 0, 1, 1, 2, 2], [0]]


def test_lines_have_four_full_bars_and_none_has_only_the_last() -> None:
    def numbers(count: int, pickup: Fraction) -> list[list[int]]:
        lengths = ((pickup,) if pickup else ()) + (Fraction(4),) * count
        written: list[WrittenBar] = bars(Tune((60,) * len(lengths), lengths, pickup=pickup))
        return [[bar.number for bar in line] for line in lines(written)]

    assert numbers(8, EIGHTH) == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]
    assert numbers(9, Fraction(0)) == [[1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert numbers(10, Fraction(0)) == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert numbers(1, Fraction(0)) == [[1]]


def test_lines_have_fewer_bars_if_these_have_many_notes() -> None:
    def sizes(parts: int) -> list[int]:
        return [len(line) for line in lines(bars(Tune((60,) * 9 * parts, (Fraction(4, parts),) * 9 * parts)))]

    assert sizes(8) == [4, 5]
    assert sizes(16) == [2, 2, 2, 3]
    assert sizes(32) == [1] * 9
    assert sizes(64) == [1] * 9
