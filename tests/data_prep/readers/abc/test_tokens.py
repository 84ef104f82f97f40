"""Tests of ABC tokens: notes, their lengths, and other characters that look like notes."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from data_prep.readers.notes import Note, Piece
from tests.abc_texts import read_text, spelled

HALF = Fraction(1, 2)


@pytest.mark.parametrize(
    ("written", "durations"),
    [
        ("A>{g}B", [Fraction(3, 4), 0, Fraction(1, 4)]),
        ("A>(Bc)", [Fraction(3, 4), Fraction(1, 4), HALF]),
        ("A>.B", [Fraction(3, 4), Fraction(1, 4)]),
        ("A-<B", [Fraction(1, 4), Fraction(3, 4)]),
        ("A>-B", [Fraction(3, 4), Fraction(1, 4)]),
        ("(3A{g}Bc", [Fraction(1, 3), 0, Fraction(1, 3), Fraction(1, 3)]),
        ("(3ABc d", [Fraction(1, 3), Fraction(1, 3), Fraction(1, 3), HALF]),
    ],
)
def test_marks_between_notes_do_not_change_the_rhythm(
    written: str, durations: list[Fraction], rows: Callable[[Piece], list[Note]]
) -> None:
    (piece,) = read_text(f"X:1\nM:4/4\nL:1/8\nK:C\n{written}|\n")
    assert [note.duration for note in rows(piece)] == durations


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("^CDC|C", ["C#4", "D4", "C#4", "C4"]),
        ("^Cc=CC", ["C#4", "C5", "C4", "C4"]),
        ("{^F}GF", ["F#4", "G4", "F#4"]),
    ],
)
def test_an_accidental_applies_until_the_end_of_its_bar(
    written: str, names: list[str], rows: Callable[[Piece], list[Note]]
) -> None:
    (piece,) = read_text(f"X:1\nM:4/4\nL:1/8\nK:C\n{written}|\n")
    assert [note.spelling for note in rows(piece)] == names


@pytest.mark.parametrize(
    "text",
    [
        'C2"Am"D2|',
        'C2">"D2|',
        "C2!trill!D2|",
        "C2!\nD2!|",
        "w:words with notes abc\nC2D2|\nw:more",
        "r:cafe\nC2D2|",
        "C2D2&E2F2|",
        "C2D2|\n\nThe end, a fade\n",
        "C2%abc\nD2|",
        "uC2 vD2|",
        "C2 y D2|",
        "P:A\nC2D2|",
    ],
)
def test_other_characters_are_not_read_as_notes(text: str, rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = read_text(f"X:1\nM:4/4\nL:1/8\nK:C\n{text}")
    assert [(note.spelling, note.duration) for note in rows(piece)] == [("C4", 1), ("D4", 1)]


def test_invisible_rests_are_rests(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = read_text("X:1\nM:4/4\nL:1/8\nK:C\nC2x2D4|\n")
    assert [(note.spelling, note.duration) for note in rows(piece)] == [("C4", 1), ("rest", 1), ("D4", 2)]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("C2 HD2|HE4|", "C4:1 D4:1 E4:2"),  # a fermata
        ("HC2 ID2 JE2 KF2|LC2 MD2 NE2 OF2|", "C4:1 D4:1 E4:1 F4:1 C4:1 D4:1 E4:1 F4:1"),
        ("PC2 QD2 RE2 SF2|TC2 UD2 VE2 WF2|", "C4:1 D4:1 E4:1 F4:1 C4:1 D4:1 E4:1 F4:1"),
        ("hC2 iD2 jE2 kF2|lC2 mD2 nE2 oF2|", "C4:1 D4:1 E4:1 F4:1 C4:1 D4:1 E4:1 F4:1"),
        ("pC2 qD2 rE2 sF2|tC2 uD2 vE2 wF2|", "C4:1 D4:1 E4:1 F4:1 C4:1 D4:1 E4:1 F4:1"),
        ("T^C2 ~_D2 .=E2 uv^F2|", "C#4:1 D-4:1 E4:1 F#4:1"),
        ("!trill!C2 +fermata+D2 !5!E2 !>!F2|", "C4:1 D4:1 E4:1 F4:1"),
        ("C2 y4 D2 y E2 y/2F2|", "C4:1 D4:1 E4:1 F4:1"),
        ('"Am"C2 "^above"D2 "2"E2|', "C4:1 D4:1 E4:1"),
        ('C2 "Am D2|\nE2|', "C4:1 E4:1"),
        ("C2!D.C. al coda!D2 !to coda!E2!F2|\n!G2|", "C4:1 D4:1 E4:1 F4:1 G4:1"),
        ("C2`D2 $E2*F2|;?@#", "C4:1 D4:1 E4:1 F4:1"),
        ("+C2E2+ D2|", "E4:1 D4:1"),  # a chord in ABC 1
        ("+trill+CD+fermata+E +ff+F|", "C4:1/2 D4:1/2 E4:1/2 F4:1/2"),
        ("CD![CE]F!G|", "C4:1/2 D4:1/2 E4:1/2 F4:1/2 G4:1/2"),  # the first ! is a line break
        ("“Am”C „D”E|", "C4:1/2 E4:1/2"),
    ],
)
def test_decorations_and_marks_do_not_change_notes(
    written: str, read_as: str, rows: Callable[[Piece], list[Note]]
) -> None:
    assert spelled(written, rows) == read_as


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("C2D2::\nE2F2|", "C4:1 D4:1 E4:1 F4:1"),
        ("C2D2::E2F2:|", "C4:1 D4:1 E4:1 F4:1"),
        ("C2 D2-\nD:|\nE:|\nc:|a::z:|", "C4:1 D4:3/2 E4:1/2 C5:1/2 A5:1/2 rest:1/2"),
        ("C2|1 D2:|2 E2||", "C4:1 D4:1 E4:1"),
        ("C2|[1,2 D2:|[3 E2|]", "C4:1 D4:1 E4:1"),
        ('C2|[1-3 D2:|[4E2|["last" F2|]', "C4:1 D4:1 E4:1 F4:1"),
        ("[|C2|]D2[|:E2:|][|]F2.|", "C4:1 D4:1 E4:1 F4:1"),
        ("C|1-2C:|3C|1,2.D|", "C4:1/2 C4:1/2 C4:1/2 D4:1/2"),
        ("C2\nC:|\nP:A|\nT:A:B\nD2|", "C4:1 C4:1/2 D4:1"),
    ],
)
def test_notes_next_to_bar_lines_and_endings_are_read(
    written: str, read_as: str, rows: Callable[[Piece], list[Note]]
) -> None:
    assert spelled(written, rows) == read_as


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("C4 ^F4-|F4 F4|", "C4:2 F#4:4 F4:2"),
        ("^F4-|F4-|F4 F|", "F#4:6 F4:1/2"),
        ("^F2-G2|F2|", "F#4:1 G4:1 F4:1"),  # a slur written as a tie
        ("[^CE]2 C2|C2|", "E4:1 C#4:1 C4:1"),
        ("[C^F]4-|[CF]4 F2|", "F#4:4 F4:1"),
        ("[C-E-]4 [CE]4|", "E4:4"),
        ("[C-E]4 [CE]4|", "E4:2 E4:2"),
        ("[CE]4-|[CE]4|", "E4:4"),
        ("[C2E2]3 [CE4]|", "E4:3 E4:1/2"),
        ("[CE-]E E-[CE]|", "E4:1 E4:1"),
        ("[]C2[z2]|", "C4:1"),
        ("^^C__D^_E|", "C##4:1/2 D--4:1/2 E4:1/2"),
        ("%%propagate-accidentals pitch\n^Fff|f|", "F#4:1/2 F#5:1/2 F#5:1/2 F5:1/2"),
        ("[I:propagate-accidentals not]^FF|", "F#4:1/2 F4:1/2"),
    ],
)
def test_accidentals_ties_and_chords(written: str, read_as: str, rows: Callable[[Piece], list[Note]]) -> None:
    assert spelled(written, rows) == read_as


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("C2 Z|D2 Z2|", "C4:1 rest:4 D4:1 rest:4 rest:4"),
        ("A/4B//C3/2D3/E/|", "A4:1/8 B4:1/8 C4:3/4 D4:3/4 E4:1/4"),
        ("A>>B C<<D E>F>G|", "A4:7/8 B4:1/8 C4:1/8 D4:7/8 E4:3/4 F4:3/8 G4:1/4"),
        ("C>|]", "C4:3/4"),
        (">C D>|E|", "C4:1/2 D4:3/4 E4:1/4"),
        ("(3:2:2C4D2 E|", "C4:4/3 D4:2/3 E4:1/2"),
        ("(5CDEFG (2CD|", "C4:1/5 D4:1/5 E4:1/5 F4:1/5 G4:1/5 C4:3/4 D4:3/4"),
        ("C2&E2F2|D2|", "C4:1 D4:1"),
        ("C2|D2|\n&& E2|F2|G2|", "C4:1 D4:1 G4:1"),
        ("(&C2|D2 & E2|F2 &) G2|", "C4:1 D4:1 G4:1"),
        ("{(3cde}CDE|", "C5:0 D5:0 E5:0 C4:1/2 D4:1/2 E4:1/2"),
        ("C> > >D|", "C4:3/4 D4:1/4"),
        ("[CE%]\nD2|", "E4:1/2 D4:1"),
        ("{/g}C2 {[ce]}D2{c}|", "G5:0 C4:1 E5:0 D4:1 C5:0"),
        ("{C2|", "C4:1"),
        ("[C2|D2]", "C4:1 D4:1"),
    ],
)
def test_lengths_rests_and_graces(written: str, read_as: str, rows: Callable[[Piece], list[Note]]) -> None:
    assert spelled(written, rows) == read_as
