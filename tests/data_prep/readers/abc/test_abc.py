"""Tests of difficult notations of ABC with real tunes."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from data_prep.melodies.assembly import positions
from data_prep.pitches import REST
from data_prep.readers.notes import Note, Piece

HALF = Fraction(1, 2)


def test_grace_notes_have_no_duration(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # | ~A>B cf | {def}e>d ...
    notes = rows(oneills("0201-0300.abc", "202"))
    assert [(note.pitch, note.duration) for note in notes[6:11]] == [
        (74, 0),
        (76, 0),
        (78, 0),
        (76, Fraction(3, 4)),
        (74, Fraction(1, 4)),
    ]
    assert {note.onset for note in notes[6:10]} == {Fraction(3)}


def test_a_grace_note_does_not_interrupt_a_broken_rhythm(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # gf d>{f}e | in 2/4 with L:1/8, which music21 reads as two equal notes
    notes = rows(oneills("0201-0300.abc", "246"))
    at = next(i for i, note in enumerate(notes) if note.duration == 0 and notes[i - 1].duration == Fraction(3, 4))
    assert [(note.spelling, note.duration) for note in notes[at - 1 : at + 2]] == [
        ("D5", Fraction(3, 4)),
        ("F#5", 0),
        ("E5", Fraction(1, 4)),
    ]


def test_an_accidental_applies_to_its_bar(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # no. 201 in D: | =c2(AB) c2(de) |, both of them C natural
    names = [note.spelling for note in rows(oneills("0201-0300.abc", "201"))]
    at = [index for index, name in enumerate(names) if name == "C5"]
    assert any(names[index : index + 6] == ["C5", "A4", "B4", "C5", "D5", "E5"] for index in at)


def test_a_note_after_an_annotation_is_read(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # | g2">" f2 e2 | d2"<" B2 ">"^d2 | of which music21 omits the notes after ">"
    names = [note.spelling for note in rows(oneills("0201-0300.abc", "224"))]
    at = names.index("G5", 30)
    assert names[at : at + 6] == ["G5", "F#5", "E5", "D5", "B4", "D#5"]


def test_chords_are_read_as_their_top_note(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # HG2 [b2B2]|[bB][aA][bB][aA] [g2G2]||
    notes = rows(oneills("0101-0200.abc", "135"))
    chords = [(note.spelling, note.duration) for note in notes if note.chord_size == 2]
    assert chords == [("B5", 1), ("B5", HALF), ("A5", HALF), ("B5", HALF), ("A5", HALF), ("G5", 1)]


def test_rests_are_rows(oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]) -> None:
    # | A4 G2z :| and at the end | A4 G2z ||
    notes = rows(oneills("0201-0300.abc", "203"))
    rests = [note for note in notes if note.pitch == REST]
    assert [(note.onset, note.duration, note.spelling, note.chord_size) for note in rests] == [
        (Fraction(31, 2), HALF, "rest", 0),
        (Fraction(377, 8), HALF, "rest", 0),
    ]


def test_changes_of_metre_are_read(oneills: Callable[[str, str], Piece]) -> None:
    # "I Leave You To Guess": M: 5/4, then M: 6/8
    metres = oneills("0201-0300.abc", "264").heading.metres
    assert [metre[1:] for metre in metres] == [(5, 4), (6, 8)]


def test_a_bar_of_another_length_is_not_a_change_of_metre(oneills: Callable[[str, str], Piece]) -> None:
    # bar 9 of no. 224 has six quarters in 3/4, which music21 reads as a change of metre
    assert [metre[1:] for metre in oneills("0201-0300.abc", "224").heading.metres] == [(3, 4)]


def test_odd_durations_are_exact_fractions(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # ((5DEFGA): five sixteenths in the time of two, a tenth of a quarter each
    notes = rows(oneills("0201-0300.abc", "201"))
    assert [note.duration for note in notes[:5]] == [Fraction(1, 10)] * 5
    thirty_sixths = rows(oneills("0051-0100.abc", "94"))
    assert Fraction(1, 36) in {note.duration for note in thirty_sixths}


def test_slurs_written_as_ties_are_ignored(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # f/-e/: a slur in O'Neill's
    notes = rows(oneills("0001-0050.abc", "8"))
    slurred = [(a.pitch, b.pitch) for a, b in pairwise(notes) if a.tied]
    assert slurred
    assert all(a != b for a, b in slurred)


def test_ties_of_one_pitch_are_merged(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # | G6- | G4 || in 3/4
    notes = rows(oneills("0201-0300.abc", "224"))
    assert (67, Fraction(5)) in {(note.pitch, note.duration) for note in notes}
    assert not any(a.tied and a.pitch == b.pitch for a, b in pairwise(notes))


def test_positions_ignore_short_bars_within_the_tune(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # no. 203: the bar before the repeat has 3 1/2 quarters, the next begins with its upbeat
    piece = oneills("0201-0300.abc", "203")
    _, place, resolution = positions(piece)
    by_onset = {
        note.onset: Fraction(int(position), resolution) for note, position in zip(rows(piece), place, strict=True)
    }
    assert by_onset[Fraction(0)] == Fraction(7, 2)  # the pickup
    assert by_onset[HALF] == 0
    assert by_onset[Fraction(16)] == Fraction(7, 2)  # the upbeat after the repeat
    assert by_onset[Fraction(33, 2)] == 0


def test_positions_in_six_eight_are_exact(oneills: Callable[[str, str], Piece]) -> None:
    # no. 8 is in 6/8 with broken rhythms: | d>ed cde |
    piece = oneills("0001-0050.abc", "8")
    _, place, resolution = positions(piece)
    bar = [Fraction(int(position), resolution) for position in place[2:8]]
    assert bar == [0, Fraction(3, 4), 1, Fraction(3, 2), 2, Fraction(5, 2)]
    assert place.max() < 3 * resolution


def test_pickups_end_at_the_first_bar_line(oneills: Callable[[str, str], Piece]) -> None:
    assert oneills("0201-0300.abc", "203").heading.pickup == HALF
    assert oneills("0201-0300.abc", "202").heading.pickup == 1
    assert oneills("0201-0300.abc", "264").heading.pickup == Fraction(3, 2)


def test_repeats_are_read_as_written(oneills: Callable[[str, str], Piece]) -> None:
    # no. 981: 8 bars with a repeat, 4 bars, then 4 bars for the first and 4 for the second time
    piece = oneills("0951-0981.abc", "981")
    assert Fraction(int(piece.onset[-1] + piece.duration[-1]), piece.resolution) == Fraction(3 * (8 + 4 + 4 + 4)) - HALF


def test_keys_have_a_mode(oneills: Callable[[str, str], Piece]) -> None:
    keys = oneills("0001-0050.abc", "8").heading.keys
    assert [key[1:] for key in keys] == [(2, "major"), (2, "minor")]
