"""Each trap of the ABC corpora on a real tune."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from music21 import converter, harmony

from data_prep.assembly import positions
from data_prep.corpus import corpora
from data_prep.melodies import REST
from data_prep.notes import Note, Piece
from data_prep.readers import abc
from data_prep.scores import read

HALF = Fraction(1, 2)


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
    (piece,) = abc.read_tune("1", f"X:1\nM:4/4\nL:1/8\nK:C\n{written}|\n")
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
    (piece,) = abc.read_tune("1", f"X:1\nM:4/4\nL:1/8\nK:C\n{written}|\n")
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
        "uC2 vD2 Z|",
        "C2 y D2|",
        "P:A\nC2D2|",
    ],
)
def test_what_is_no_note_is_not_read_as_one(text: str, rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = abc.read_tune("1", f"X:1\nM:4/4\nL:1/8\nK:C\n{text}")
    assert [(note.spelling, note.duration) for note in rows(piece)] == [("C4", 1), ("D4", 1)]


def test_free_text_before_the_first_tune_is_no_music() -> None:
    ((_, text),) = abc.split_tunes("A book of tunes\nC:Somebody\n\nX:1\nM:2/4\nL:1/4\nK:C\nCD|\n")
    (piece,) = abc.read_tune("1", text)
    assert (piece.num_timed, piece.heading.composer) == (2, "Somebody")


def test_invisible_rests_are_rests(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = abc.read_tune("1", "X:1\nM:4/4\nL:1/8\nK:C\nC2x2D4|\n")
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
    ],
)
def test_lengths_and_metres_of_headers(
    head: str, duration: Fraction, metre: tuple[int, int] | None, rows: Callable[[Piece], list[Note]]
) -> None:
    (piece,) = abc.read_tune("1", f"X:1\n{head}C|")
    assert [note.duration for note in rows(piece)] == [duration]
    assert [tuple(found[1:]) for found in piece.heading.metres] == ([metre] if metre else [])


def test_a_voice_that_enters_late_begins_in_its_own_bar(rows: Callable[[Piece], list[Note]]) -> None:
    text = "X:1\nM:2/4\nL:1/4\nK:C\nV:1\nCD|EF|\nV:2\nx2|zG|\n"
    _, lower = abc.read_tune("1", text)
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
        (Fraction(365, 8), HALF, "rest", 0),
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
    (piece,) = abc.read_tune("1", "X:1\nM:2/4\nL:1/8\nK:C\n|: CDEF | GABc :|\n")
    assert piece.heading.pickup == 0


def test_repeats_are_read_as_written(oneills: Callable[[str, str], Piece]) -> None:
    # no. 981: 8 bars with a repeat, 4 bars, then 4 bars for the first and 4 for the second time
    piece = oneills("0951-0981.abc", "981")
    assert Fraction(int(piece.onset[-1] + piece.duration[-1]), piece.resolution) == Fraction(3 * (8 + 4 + 4 + 4)) - HALF


def test_keys_know_their_mode(oneills: Callable[[str, str], Piece]) -> None:
    keys = oneills("0001-0050.abc", "8").heading.keys
    assert [key[1:] for key in keys] == [(2, "major"), (2, "minor")]


def test_the_text_is_read_with_its_title_and_composer() -> None:
    (piece,) = abc.read_tune("1", "X:1\nT:One\nT:Other\nC:Somebody\nM:4/4\nL:1/8\nK:Ador\nABcd|\n")
    heading = piece.heading
    assert (heading.title, heading.composer, heading.keys[0][1:]) == ("One", "Somebody", (9, "dorian"))


def test_voices_are_pieces_even_where_they_alternate(rows: Callable[[Piece], list[Note]]) -> None:
    text = "X:1\nM:2/4\nL:1/4\nK:C\nV:1\nCD|\nV:2\nE,F,|\nV:1\nEF|\nV:2\nG,A,|\n"
    upper, lower = abc.read_tune("1", text)
    assert [note.spelling for note in rows(upper)] == ["C4", "D4", "E4", "F4"]
    assert [note.spelling for note in rows(lower)] == ["E3", "F3", "G3", "A3"]
    assert (upper.heading.part, lower.heading.part, upper.heading.num_parts) == ("1", "2", 2)


def test_inline_fields_are_no_chords(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = abc.read_tune("1", "X:1\nM:4/4\nL:1/8\nK:C\nCDEF[K:D]CDEF|[M:3/4]GABc|\n")
    assert [key[1] for key in piece.heading.keys] == [0, 2]
    assert [metre[1:] for metre in piece.heading.metres] == [(4, 4), (3, 4)]
    assert [note.spelling for note in rows(piece)[4:8]] == ["C#4", "D4", "E4", "F#4"]


def test_tunes_are_split_and_recurring_numbers_told_apart() -> None:
    text = "O:Ireland\nX:1\nT:a\nK:C\nC|\nX:2\nK:C\nD|\nX:1\nK:C\nE|\n"
    tunes = abc.split_tunes(text)
    assert [name for name, _ in tunes] == ["1", "2", "1.2"]
    assert all(tune.startswith("O:Ireland\n") for _, tune in tunes)


def test_a_bad_tune_loses_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "some.abc"
    path.write_bytes(
        b"X:1\nM:4/4\nL:1/8\nK:C\nCDEF|\n\nX:2\nM:x/y\nK:C\nC|\n\nX:3\nM:4/4\nL:1/8\nT:na\xefve\nK:C\nz4|\n"
    )
    reading = read(path)
    assert [piece.heading.tune for piece in reading.pieces] == ["1"]
    assert [unread.tune for unread in reading.unread] == ["2", "3"]
    assert reading.unread[1].reason == "there are no notes in it"
    assert all("\n" not in unread.reason for unread in reading.unread)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["0487-0500.abc", "1001-1031.abc"])
def test_where_music21_streams_read_right_the_tokens_read_the_same(
    file: str, oneills: Callable[[str, str], Piece], rows: Callable[[Piece], list[Note]]
) -> None:
    """Plain tunes, in which none of the known differences can occur, note by note."""
    path = corpora()["oneills"].folder / file
    compared = 0
    for number, text in abc.split_tunes(path.read_text("latin-1")):
        if "{" in text or '"' in text.split("K:")[1] or "-" in text.split("K:")[1]:
            continue
        score: Any = converter.parse(  # pyright: ignore[reportUnknownMemberType]  (music21 has no types for it)
            f"%abc-2.1\n%%propagate-accidentals octave\n{text}", format="abc", forceSource=True, storePickle=False
        )
        expected: list[tuple[int, Fraction]] = [
            (REST if element.isRest else element.pitches[-1].midi, Fraction(element.quarterLength))
            for element in score.parts[0].recurse().notesAndRests
            if not isinstance(element, harmony.Harmony)
        ]
        found = [(note.pitch, note.duration) for note in rows(oneills(file, number))]
        assert [pitch for pitch, _ in found] == [pitch for pitch, _ in expected]
        assert np.allclose([float(d) for _, d in found], [float(d) for _, d in expected], atol=1e-9)
        compared += 1
    assert compared >= 6
