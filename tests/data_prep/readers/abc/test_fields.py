"""Tests of ABC fields: keys, metres, unit lengths, voices and names."""

import re
from collections.abc import Callable
from fractions import Fraction

import pytest

from data_prep.readers.notes import Note, Piece
from tests.abc_texts import read_text, spelled

HALF = Fraction(1, 2)


@pytest.mark.parametrize(
    ("head", "duration", "metre"),
    [
        ("K:C\n", HALF, None),
        ("L:1\nK:C\n", Fraction(4), None),
        ("M:2/4\nK:C\n", Fraction(1, 4), (2, 4)),
        ("M:C|\nK:C\n", HALF, (2, 2)),
        ("M:2+3/8\nL:1/8\nK:C\n", HALF, (5, 8)),
        ("M:(2+2+3)/8\nL:1/8\nK:C\n", HALF, (7, 8)),
        ("M:none\nL:1/8\nK:none\n", HALF, None),
        ("M:30000/4\nK:C\n", HALF, None),
        ("M:4/5\nL:1/4\nK:C\n", Fraction(1), None),
        ("M:free 4/4\nL:1/4\nK:C\n", Fraction(1), None),
        ("M:c|\nL:1/4=100\nK:C\n", Fraction(1), (2, 2)),
        ("M:3/4 2/4\nL: 1/8.\nK:C\n", HALF, (3, 4)),
        ("M:2/4\nL:\nK:C\n", Fraction(1, 4), (2, 4)),
        ("M:4/4\nK:C\nM:2/4\n", HALF, (2, 4)),  # the unit length depends on the metre in the header
    ],
)
def test_lengths_and_metres_of_headers(
    head: str, duration: Fraction, metre: tuple[int, int] | None, rows: Callable[[Piece], list[Note]]
) -> None:
    (piece,) = read_text(f"X:1\n{head}C|")
    assert [note.duration for note in rows(piece)] == [duration]
    assert [tuple(signature[1:]) for signature in piece.heading.metres] == ([metre] if metre else [])


def test_a_late_voice_begins_in_the_bar_of_its_first_note(rows: Callable[[Piece], list[Note]]) -> None:
    text = "X:1\nM:2/4\nL:1/4\nK:C\nV:1\nCD|EF|\nV:2\nx2|zG|\n"
    _, lower = read_text(text)
    assert [(note.spelling, note.onset) for note in rows(lower)] == [("rest", 0), ("G4", 1)]


def test_a_full_first_bar_is_not_a_pickup() -> None:
    (piece,) = read_text("X:1\nM:2/4\nL:1/8\nK:C\n|: CDEF | GABc :|\n")
    assert piece.heading.pickup == 0


def test_title_composer_and_key_are_read() -> None:
    (piece,) = read_text("X:1\nT:One\nT:Other\nC:Somebody\nM:4/4\nL:1/8\nK:Ador\nABcd|\n")
    heading = piece.heading
    assert (heading.title, heading.composer, heading.keys[0][1:]) == ("One", "Somebody", (9, "dorian"))


def test_alternating_voices_are_separate_pieces(rows: Callable[[Piece], list[Note]]) -> None:
    text = "X:1\nM:2/4\nL:1/4\nK:C\nV:1\nCD|\nV:2\nE,F,|\nV:1\nEF|\nV:2\nG,A,|\n"
    upper, lower = read_text(text)
    assert [note.spelling for note in rows(upper)] == ["C4", "D4", "E4", "F4"]
    assert [note.spelling for note in rows(lower)] == ["E3", "F3", "G3", "A3"]
    assert (upper.heading.part, lower.heading.part, upper.heading.num_parts) == ("1", "2", 2)


def test_inline_fields_are_not_chords(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = read_text("X:1\nM:4/4\nL:1/8\nK:C\nCDEF[K:D]CDEF|[M:3/4]GABc|\n")
    assert [key[1] for key in piece.heading.keys] == [0, 2]
    assert [metre[1:] for metre in piece.heading.metres] == [(4, 4), (3, 4)]
    assert [note.spelling for note in rows(piece)[4:8]] == ["C#4", "D4", "E4", "F#4"]


@pytest.mark.parametrize(
    ("key", "names", "tonic", "mode"),
    [
        ("D", "C#5 F#4", 2, "major"),
        ("D Phr ^f", "C5 F#4", 2, "phrygian"),
        ("Gdor", "C5 F4", 7, "dorian"),
        ("F# Minor", "C#5 F#4", 6, "minor"),
        ("E^ clef=bass", None, None, None),
        ("Ebmaj", "C5 F4", 3, "major"),
        ("AMixolydian", "C#5 F#4", 9, "mixolydian"),
        ("D exp _b ^c", "C#5 F4", 2, ""),
        ("Dmix^c=f", "C#5 F4", 2, "mixolydian"),
        ("E^c", "C#5 F#4", 4, "major"),
        ("D clef=bass", "C#5 F#4", 2, "major"),
        ("D bass3", "C#5 F#4", 2, "major"),
        ("D middle=d", "C#5 F#4", 2, "major"),
        ("D clef=treble-8", "C#4 F#3", 2, "major"),
        ("D treble+8", "C#6 F#5", 2, "major"),
        ("D treble_8", "C#5 F#4", 2, "major"),  # the 8 is only drawn
        ('D clef="treble-8"', "C#4 F#3", 2, "major"),
        ("Dmix/A", "C5 F#4", 2, "mixolydian"),
        ("D, G", "C#5 F#4", 2, "major"),
        ("Dmin.", "C5 F4", 2, "minor"),
        ("F♯m", "C#5 F#4", 6, "minor"),
        ("A harmonic minor", "C5 F4", 9, "minor"),
        ("D octave=-1", "C#4 F#3", 2, "major"),
        ("C transpose=-2", "B-4 E-4", 0, "major"),
        ("HP", "C#5 F#4", 9, "mixolydian"),
        ("none", "C5 F4", None, None),
        ("", "C5 F4", None, None),
        ("^f^c", "C#5 F#4", None, None),
        ("Cb", "C-5 F-4", 11, "major"),
        ("Gxyz", None, None, None),
        ("H", None, None, None),
    ],
)
def test_keys_of_the_standard(
    key: str, names: str | None, tonic: int | None, mode: str | None, rows: Callable[[Piece], list[Note]]
) -> None:
    text = f"X:1\nM:4/4\nL:1/8\nK:{key}\ncF|\n"
    if names is None:
        with pytest.raises(ValueError, match=rf"line 4: a key.*got K:{re.escape(key)}"):
            read_text(text)
        return
    (piece,) = read_text(text)
    assert " ".join(note.spelling for note in rows(piece)) == names
    assert [key[1:] for key in piece.heading.keys] == ([] if tonic is None else [(tonic, mode)])


def test_a_clef_in_the_music_does_not_change_the_key(rows: Callable[[Piece], list[Note]]) -> None:
    assert spelled("F2[K:treble]F2[K:clef=bass]F2|[K:treble-8]F2|", rows, "K:D") == "F#4:1 F#4:1 F#4:1 F#3:1"


def test_each_voice_has_its_own_key_metre_and_length(rows: Callable[[Piece], list[Note]]) -> None:
    text = (
        "X:1\nM:4/4\nL:1/8\nV:1 treble-8\nV:2 bass\nL:1/4\nK:D\n"
        "V:1\nF4 ^G4|[K:C][M:3/4]F2 G4|\nV:2\nF4|G4|F3|\n[V:1]F6|\n"
    )
    first, second = read_text(text)
    assert [(note.spelling, note.duration) for note in rows(first)] == [
        ("F#3", 2),
        ("G#3", 2),
        ("F3", 1),
        ("G3", 2),
        ("F3", 3),
    ]
    assert [(note.spelling, note.duration) for note in rows(second)] == [("F#4", 4), ("G4", 4), ("F#4", 3)]
    assert [metre[1:] for metre in first.heading.metres] == [(4, 4), (3, 4)]
    assert [metre[1:] for metre in second.heading.metres] == [(4, 4)]
    assert [[key[1] for key in piece.heading.keys] for piece in (first, second)] == [[2, 0], [2]]


def test_the_first_length_and_metre_apply_to_every_voice(
    rows: Callable[[Piece], list[Note]],
) -> None:
    first, second = read_text("X:1\nV:1\nV:2\nM:3/4\nL:1/4\nK:C\nV:1\nF|\nV:2\nF|\n")
    assert [note.duration for piece in (first, second) for note in rows(piece)] == [1, 1]
    assert [piece.heading.metres[0][1:] for piece in (first, second)] == [(3, 4)] * 2


def test_names_contain_no_control_characters() -> None:
    (piece,) = read_text("X:1\nT:A \x1b[31mred\x07 \x9btune\nC:Some\tbody\x00\nK:C\nCD|\n")
    assert (piece.heading.title, piece.heading.composer) == ("A [31mred tune", "Some body")


def test_voices_may_have_quoted_names(rows: Callable[[Piece], list[Note]]) -> None:
    first, second = read_text('X:1\nK:C\nV:"one"\nCD|\nV:"two" name="the low one" octave=-1\nE|\n')
    assert [piece.heading.part for piece in (first, second)] == ["one", "two"]
    assert [note.spelling for note in rows(second)] == ["E3"]


def test_fields_before_the_first_note_apply_to_every_voice(
    rows: Callable[[Piece], list[Note]],
) -> None:
    first, second = read_text("X:1\nL:1/8\nV:1\nV:2\nK:C\nL:1/4\nK:G\nV:1\nF|\nV:2\nF|\n")
    assert [(note.spelling, note.duration) for piece in (first, second) for note in rows(piece)] == [("F#4", 1)] * 2
