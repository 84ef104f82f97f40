"""Each trap of the ABC corpora on a real tune."""

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from data_prep.assembly import positions
from data_prep.melodies import REST
from data_prep.notes import Note, Piece
from data_prep.readers.abc.files import decode, split_tunes
from data_prep.readers.abc.tunes import read_tune
from data_prep.scores import read

HALF = Fraction(1, 2)


def _pieces(text: str) -> list[Piece]:
    """Read the only tune of a text."""
    ((tune, lines),) = split_tunes(text)
    return read_tune(tune, lines)


def _spelled(music: str, rows: Callable[[Piece], list[Note]], head: str = "M:4/4\nL:1/8\nK:C") -> str:
    """Read one voice, and write what was read as "C4:1/2 rest:1"."""
    (piece,) = _pieces(f"X:1\n{head}\n{music}\n")
    return " ".join(f"{note.spelling}:{note.duration}" for note in rows(piece))


def test_grace_notes_are_rows_without_duration(
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


def test_a_rhythm_broken_across_a_grace_note_is_kept(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # gf d>{f}e | in 2/4 with L:1/8, where music21's streams read two equal notes
    notes = rows(oneills("0201-0300.abc", "246"))
    at = next(i for i, note in enumerate(notes) if note.duration == 0 and notes[i - 1].duration == Fraction(3, 4))
    assert [(note.spelling, note.duration) for note in notes[at - 1 : at + 2]] == [
        ("D5", Fraction(3, 4)),
        ("F#5", 0),
        ("E5", Fraction(1, 4)),
    ]


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
def test_marks_between_notes_change_no_rhythm(
    written: str, durations: list[Fraction], rows: Callable[[Piece], list[Note]]
) -> None:
    (piece,) = _pieces(f"X:1\nM:4/4\nL:1/8\nK:C\n{written}|\n")
    assert [note.duration for note in rows(piece)] == durations


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("^CDC|C", ["C#4", "D4", "C#4", "C4"]),
        ("^Cc=CC", ["C#4", "C5", "C4", "C4"]),
        ("{^F}GF", ["F#4", "G4", "F#4"]),
    ],
)
def test_an_accidental_lasts_to_the_end_of_its_bar(
    written: str, names: list[str], rows: Callable[[Piece], list[Note]]
) -> None:
    (piece,) = _pieces(f"X:1\nM:4/4\nL:1/8\nK:C\n{written}|\n")
    assert [note.spelling for note in rows(piece)] == names


def test_an_accidental_of_a_real_tune_lasts(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # no. 201 in D: | =c2(AB) c2(de) |, both of them C natural
    names = [note.spelling for note in rows(oneills("0201-0300.abc", "201"))]
    at = [index for index, name in enumerate(names) if name == "C5"]
    assert any(names[index : index + 6] == ["C5", "A4", "B4", "C5", "D5", "E5"] for index in at)


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
def test_what_is_no_note_is_not_read_as_one(text: str, rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = _pieces(f"X:1\nM:4/4\nL:1/8\nK:C\n{text}")
    assert [(note.spelling, note.duration) for note in rows(piece)] == [("C4", 1), ("D4", 1)]


def test_free_text_before_the_first_tune_is_no_music() -> None:
    (piece,) = _pieces("A book of tunes\nC:Somebody\n\nX:1\nM:2/4\nL:1/4\nK:C\nCD|\n")
    assert (piece.num_timed, piece.heading.composer) == (2, "Somebody")


def test_invisible_rests_are_rests(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = _pieces("X:1\nM:4/4\nL:1/8\nK:C\nC2x2D4|\n")
    assert [(note.spelling, note.duration) for note in rows(piece)] == [("C4", 1), ("rest", 1), ("D4", 2)]


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
        ("M:4/4\nK:C\nM:2/4\n", HALF, (2, 4)),  # the header has decided the unit length
    ],
)
def test_lengths_and_metres_of_headers(
    head: str, duration: Fraction, metre: tuple[int, int] | None, rows: Callable[[Piece], list[Note]]
) -> None:
    (piece,) = _pieces(f"X:1\n{head}C|")
    assert [note.duration for note in rows(piece)] == [duration]
    assert [tuple(found[1:]) for found in piece.heading.metres] == ([metre] if metre else [])


def test_a_voice_that_enters_late_begins_in_its_own_bar(rows: Callable[[Piece], list[Note]]) -> None:
    text = "X:1\nM:2/4\nL:1/4\nK:C\nV:1\nCD|EF|\nV:2\nx2|zG|\n"
    _, lower = _pieces(text)
    assert [(note.spelling, note.onset) for note in rows(lower)] == [("rest", 0), ("G4", 1)]


def test_a_note_under_an_annotation_is_kept(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # | g2">" f2 e2 | d2"<" B2 ">"^d2 | where music21's streams leave out the notes after ">"
    names = [note.spelling for note in rows(oneills("0201-0300.abc", "224"))]
    at = names.index("G5", 30)
    assert names[at : at + 6] == ["G5", "F#5", "E5", "D5", "B4", "D#5"]


def test_chords_give_their_top_note(oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]) -> None:
    # HG2 [b2B2]|[bB][aA][bB][aA] [g2G2]||
    notes = rows(oneills("0101-0200.abc", "135"))
    chords = [(note.spelling, note.duration) for note in notes if note.chord_size == 2]
    assert chords == [("B5", 1), ("B5", HALF), ("A5", HALF), ("B5", HALF), ("A5", HALF), ("G5", 1)]


def test_rests_are_notes_of_their_own(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # | A4 G2z :| and at the end | A4 G2z ||
    notes = rows(oneills("0201-0300.abc", "203"))
    rests = [note for note in notes if note.pitch == REST]
    assert [(note.onset, note.duration, note.spelling, note.chord_size) for note in rests] == [
        (Fraction(31, 2), HALF, "rest", 0),
        (Fraction(377, 8), HALF, "rest", 0),
    ]


def test_metre_changes_are_those_of_the_file(oneills: Callable[[str, str], Piece]) -> None:
    # "I Leave You To Guess": M: 5/4, then M: 6/8
    metres = oneills("0201-0300.abc", "264").heading.metres
    assert [metre[1:] for metre in metres] == [(5, 4), (6, 8)]


def test_no_metre_change_is_invented(oneills: Callable[[str, str], Piece]) -> None:
    # bar 9 of no. 224 has six quarters in 3/4, which music21's re-barring takes for a change of metre
    assert [metre[1:] for metre in oneills("0201-0300.abc", "224").heading.metres] == [(3, 4)]


def test_odd_durations_are_exact_fractions(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # ((5DEFGA): five sixteenths in the time of two, a tenth of a quarter each
    notes = rows(oneills("0201-0300.abc", "201"))
    assert [note.duration for note in notes[:5]] == [Fraction(1, 10)] * 5
    thirty_sixths = rows(oneills("0051-0100.abc", "94"))
    assert Fraction(1, 36) in {note.duration for note in thirty_sixths}


def test_slurs_written_as_ties_join_nothing(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # f/-e/: a slur in O'Neill's
    notes = rows(oneills("0001-0050.abc", "8"))
    slurred = [(a.pitch, b.pitch) for a, b in pairwise(notes) if a.tied]
    assert slurred
    assert all(a != b for a, b in slurred)


def test_ties_of_one_pitch_make_one_note(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # | G6- | G4 || in 3/4
    notes = rows(oneills("0201-0300.abc", "224"))
    assert (67, Fraction(5)) in {(note.pitch, note.duration) for note in notes}
    assert not any(a.tied and a.pitch == b.pitch for a, b in pairwise(notes))


def test_short_inner_bars_do_not_restart_the_count(
    oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    # no. 203: the bar before the repeat has 3 1/2 quarters, the next begins with its upbeat
    piece = oneills("0201-0300.abc", "203")
    place, resolution = positions(piece)
    by_onset = {note.onset: Fraction(int(where), resolution) for note, where in zip(rows(piece), place, strict=True)}
    assert by_onset[Fraction(0)] == Fraction(7, 2)  # the pickup
    assert by_onset[HALF] == 0
    assert by_onset[Fraction(16)] == Fraction(7, 2)  # the upbeat after the repeat
    assert by_onset[Fraction(33, 2)] == 0


def test_positions_in_six_eight_are_exact(oneills: Callable[[str, str], Piece]) -> None:
    # no. 8 is in 6/8 with broken rhythms: | d>ed cde |
    piece = oneills("0001-0050.abc", "8")
    place, resolution = positions(piece)
    bar = [Fraction(int(where), resolution) for where in place[2:8]]
    assert bar == [0, Fraction(3, 4), 1, Fraction(3, 2), 2, Fraction(5, 2)]
    assert place.max() < 3 * resolution


def test_pickups_are_the_length_before_the_first_bar_line(oneills: Callable[[str, str], Piece]) -> None:
    assert oneills("0201-0300.abc", "203").heading.pickup == HALF
    assert oneills("0201-0300.abc", "202").heading.pickup == 1
    assert oneills("0201-0300.abc", "264").heading.pickup == Fraction(3, 2)


def test_a_full_first_bar_is_no_pickup() -> None:
    (piece,) = _pieces("X:1\nM:2/4\nL:1/8\nK:C\n|: CDEF | GABc :|\n")
    assert piece.heading.pickup == 0


def test_repeats_are_read_as_written(oneills: Callable[[str, str], Piece]) -> None:
    # no. 981: 8 bars with a repeat, 4 bars, then 4 bars for the first and 4 for the second time
    piece = oneills("0951-0981.abc", "981")
    assert Fraction(int(piece.onset[-1] + piece.duration[-1]), piece.resolution) == Fraction(3 * (8 + 4 + 4 + 4)) - HALF


def test_keys_know_their_mode(oneills: Callable[[str, str], Piece]) -> None:
    keys = oneills("0001-0050.abc", "8").heading.keys
    assert [key[1:] for key in keys] == [(2, "major"), (2, "minor")]


def test_the_text_is_read_with_its_title_and_composer() -> None:
    (piece,) = _pieces("X:1\nT:One\nT:Other\nC:Somebody\nM:4/4\nL:1/8\nK:Ador\nABcd|\n")
    heading = piece.heading
    assert (heading.title, heading.composer, heading.keys[0][1:]) == ("One", "Somebody", (9, "dorian"))


def test_voices_are_pieces_even_where_they_alternate(rows: Callable[[Piece], list[Note]]) -> None:
    text = "X:1\nM:2/4\nL:1/4\nK:C\nV:1\nCD|\nV:2\nE,F,|\nV:1\nEF|\nV:2\nG,A,|\n"
    upper, lower = _pieces(text)
    assert [note.spelling for note in rows(upper)] == ["C4", "D4", "E4", "F4"]
    assert [note.spelling for note in rows(lower)] == ["E3", "F3", "G3", "A3"]
    assert (upper.heading.part, lower.heading.part, upper.heading.num_parts) == ("1", "2", 2)


def test_inline_fields_are_no_chords(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = _pieces("X:1\nM:4/4\nL:1/8\nK:C\nCDEF[K:D]CDEF|[M:3/4]GABc|\n")
    assert [key[1] for key in piece.heading.keys] == [0, 2]
    assert [metre[1:] for metre in piece.heading.metres] == [(4, 4), (3, 4)]
    assert [note.spelling for note in rows(piece)[4:8]] == ["C#4", "D4", "E4", "F#4"]


def test_tunes_are_split_and_recurring_numbers_told_apart() -> None:
    text = "C:Somebody\nX:1\nT:a\nK:C\nC|\nX:2\nK:C\nD|\nX:1\nK:C\nE|\n"
    tunes = split_tunes(text)
    assert [name for name, _ in tunes] == ["1", "2", "1.2"]
    assert all(lines[0].text == "C:Somebody" for _, lines in tunes)


def test_a_bad_tune_loses_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "some.abc"
    path.write_bytes(
        b"X:1\nM:4/4\nL:1/8\nK:C\nCDEF|\n\nX:2\nL:x/y\nK:C\nC|\n\nX:3\nM:4/4\nL:1/8\nT:na\xefve\nK:C\nz4|\n"
    )
    reading = read(path)
    assert [piece.heading.tune for piece in reading.pieces] == ["1"]
    assert [unread.tune for unread in reading.unread] == ["2", "3"]
    assert reading.unread[1].reason == "there are no notes in it"
    assert all("\n" not in unread.reason for unread in reading.unread)


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
        ("+C2E2+ D2|", "E4:1 D4:1"),  # a chord as ABC 1 wrote it
        ("+trill+CD+fermata+E +ff+F|", "C4:1/2 D4:1/2 E4:1/2 F4:1/2"),
        ("CD![CE]F!G|", "C4:1/2 D4:1/2 E4:1/2 F4:1/2 G4:1/2"),  # the first ! is a line break
        ("“Am”C „D”E|", "C4:1/2 E4:1/2"),
    ],
)
def test_decorations_and_marks_neither_lose_nor_change_a_note(
    written: str, read_as: str, rows: Callable[[Piece], list[Note]]
) -> None:
    assert _spelled(written, rows) == read_as


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
def test_notes_beside_bar_lines_and_voltas_are_read(
    written: str, read_as: str, rows: Callable[[Piece], list[Note]]
) -> None:
    assert _spelled(written, rows) == read_as


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("C4 ^F4-|F4 F4|", "C4:2 F#4:4 F4:2"),
        ("^F4-|F4-|F4 F|", "F#4:6 F4:1/2"),
        ("^F2-G2|F2|", "F#4:1 G4:1 F4:1"),  # a slur that is written as a tie
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
    assert _spelled(written, rows) == read_as


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
        ("D treble_8", "C#5 F#4", 2, "major"),  # an 8 that is only drawn
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
def test_keys_by_the_standard(
    key: str, names: str | None, tonic: int | None, mode: str | None, rows: Callable[[Piece], list[Note]]
) -> None:
    text = f"X:1\nM:4/4\nL:1/8\nK:{key}\ncF|\n"
    if names is None:
        with pytest.raises(ValueError, match=rf"line 4: a key.*got K:{re.escape(key)}"):
            _pieces(text)
        return
    (piece,) = _pieces(text)
    assert " ".join(note.spelling for note in rows(piece)) == names
    assert [key[1:] for key in piece.heading.keys] == ([] if tonic is None else [(tonic, mode)])


def test_a_clef_in_the_music_changes_no_key(rows: Callable[[Piece], list[Note]]) -> None:
    assert _spelled("F2[K:treble]F2[K:clef=bass]F2|[K:treble-8]F2|", rows, "K:D") == "F#4:1 F#4:1 F#4:1 F#3:1"


def test_each_voice_keeps_its_own_key_metre_and_length(rows: Callable[[Piece], list[Note]]) -> None:
    text = (
        "X:1\nM:4/4\nL:1/8\nV:1 treble-8\nV:2 bass\nL:1/4\nK:D\n"
        "V:1\nF4 ^G4|[K:C][M:3/4]F2 G4|\nV:2\nF4|G4|F3|\n[V:1]F6|\n"
    )
    first, second = _pieces(text)
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


def test_the_first_length_and_metre_hold_for_every_voice_wherever_they_stand(
    rows: Callable[[Piece], list[Note]],
) -> None:
    first, second = _pieces("X:1\nV:1\nV:2\nM:3/4\nL:1/4\nK:C\nV:1\nF|\nV:2\nF|\n")
    assert [note.duration for piece in (first, second) for note in rows(piece)] == [1, 1]
    assert [piece.heading.metres[0][1:] for piece in (first, second)] == [(3, 4)] * 2


def test_names_are_one_line_without_control_characters() -> None:
    (piece,) = _pieces("X:1\nT:A \x1b[31mred\x07 \x9btune\nC:Some\tbody\x00\nK:C\nCD|\n")
    assert (piece.heading.title, piece.heading.composer) == ("A [31mred tune", "Some body")


def test_voices_may_have_quoted_names(rows: Callable[[Piece], list[Note]]) -> None:
    first, second = _pieces('X:1\nK:C\nV:"one"\nCD|\nV:"two" name="the low one" octave=-1\nE|\n')
    assert [piece.heading.part for piece in (first, second)] == ["one", "two"]
    assert [note.spelling for note in rows(second)] == ["E3"]


def test_fields_between_the_header_and_the_first_note_hold_for_every_voice(
    rows: Callable[[Piece], list[Note]],
) -> None:
    first, second = _pieces("X:1\nL:1/8\nV:1\nV:2\nK:C\nL:1/4\nK:G\nV:1\nF|\nV:2\nF|\n")
    assert [(note.spelling, note.duration) for piece in (first, second) for note in rows(piece)] == [("F#4", 1)] * 2


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
    assert _spelled(written, rows) == read_as


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("X:1\nK:C\nC/0|\n", "line 3: a length cannot be divided by 0"),
        ("X:1\nK:C\nC99999999999|\n", "line 3: a number has at most 9 digits"),
        ("X:1\nK:C\nC999999999|\n", "music of at most 1000000 quarter notes is read"),
        ("X:1\nK:C\nC Z999999|\n", "line 3: a voice rests for at most 10000 bars"),
        ("X:1\nK:C\nC////////////|\n", "line 3: a length is halved at most 10 times"),
        ("X:1\nK:C\nC,,,,,,,,|\n", "line 3: a note lies within MIDI's pitches"),
        (f"X:1\nK:C\n[{'C' * 200}]|\n", "line 3: a chord has at most 128 notes"),
        (f"X:1\nK:C\n{'C' * 200_001}|\n", "line 3: files of at most 200000 notes are read"),
        ("X:1\nK:C\n" + "\n".join(f"V:{n}" for n in range(101)), "line 103: a tune has at most 100 voices"),
        ("X:1\nK:C\n^/2C|\n", "line 3: microtones cannot be read"),
        ("X:1\nL:0\nK:C\nC|\n", "line 2: a unit note length is written like 1/8.*got L:0"),
        ("X:1\nK:C transpose=x\nC|\n", "line 2: a shift is a whole number: got transpose=x"),
        ("X:1\nT:no key\nCDEF|\n", "a tune's header ends with its key"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        _pieces(text)


@pytest.mark.parametrize(
    "text",
    [
        "X:1\nL:1/4\nK:C\nC|\n%%begintext\nA bad cabbage\n\nX:2\n%%endtext\nE|\n\nfed a bee\n",
        "%%beginps\nA bad cabbage\n%%endps\n\nX:1\nL:1/4\nK:C\nC|\nE|\n",
        "X:1\nL:1/4\nH:a history\nof a bad cabbage\nK:C\nC|\nw:a bad one\nW:fed\nE|\n%%begintext\nabc\n",
        "L:1/4\nK:C\nC|\nE|\n",
        "Notes\nL: list of tunes\n\nX:1\nL:1/4\nK:C\nC|\nE|\n",
        "X:1\nL:1/4\nK:C\nC|\n%% begintext\nA bad cabbage\n%% endtext\nE|\n",
        "% a comment\n\nL:1/4\nT:no number\nK:C\nC|% abc\n%%text abc\nE|\n",
    ],
)
def test_text_is_never_music(text: str, rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = _pieces(text)
    assert [note.spelling for note in rows(piece)] == ["C4", "E4"]


def test_prose_holds_no_tune(tmp_path: Path) -> None:
    path = tmp_path / "readme.abc"
    path.write_text("A bag of tunes from a cafe; add a few.\n\nIts K: field is a key\n")
    (unread,) = read(path).unread
    assert unread.reason.startswith("there is no tune in it")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_text_of_any_encoding_is_read(encoding: str) -> None:
    (piece,) = _pieces(decode("X:1\r\nT:Dée\r\nK:C\r\nCD|\r\n".encode(encoding)))
    assert (piece.heading.title, piece.num_timed) == ("Dée", 2)


def test_tags_of_web_pages_are_taken_out(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = _pieces(decode(b"<html><body><pre>X:1\nL:1/8\nK:C\nA<B c>d|\n</pre></body>\n"))
    assert [note.spelling for note in rows(piece)] == ["A4", "B4", "C5", "D5"]


def test_what_mail_programs_left_is_undone(rows: Callable[[Piece], list[Note]]) -> None:
    text = decode(b"X:1\nL:1/8\nK:D\nc2 =3Dc2 |=20\nd2|\n")
    (piece,) = _pieces(text)
    assert [note.spelling for note in rows(piece)] == ["C#5", "C5", "D5"]


def test_stray_zero_bytes_and_doubled_line_ends_lose_nothing() -> None:
    (piece,) = _pieces(decode(b"X:1\r\r\nL:1/8\r\r\nK:D\r\r\nc2\0d2|\r\r\n\0"))
    assert piece.num_timed == 2
