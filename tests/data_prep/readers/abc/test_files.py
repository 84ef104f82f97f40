"""Tests of ABC files: tunes and text, encodings, and errors."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from data_prep.readers.abc.files import decode, split_tunes
from data_prep.readers.notes import Note, Piece
from data_prep.readers.scores import read
from tests.abc_texts import read_text

HALF = Fraction(1, 2)


def test_free_text_before_the_first_tune_is_skipped() -> None:
    (piece,) = read_text("A book of tunes\nC:Somebody\n\nX:1\nM:2/4\nL:1/4\nK:C\nCD|\n")
    assert (piece.num_timed, piece.heading.composer) == (2, "Somebody")


def test_tunes_are_split_and_recurring_numbers_get_a_suffix() -> None:
    text = "C:Somebody\nX:1\nT:a\nK:C\nC|\nX:2\nK:C\nD|\nX:1\nK:C\nE|\n"
    tunes = split_tunes(text)
    assert [name for name, _ in tunes] == ["1", "2", "1.2"]
    assert all(lines[0].text == "C:Somebody" for _, lines in tunes)


def test_an_invalid_tune_does_not_affect_the_others(tmp_path: Path) -> None:
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
    ("text", "reason"),
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
def test_errors_name_the_line(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_text(text)


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
def test_text_is_not_read_as_music(text: str, rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = read_text(text)
    assert [note.spelling for note in rows(piece)] == ["C4", "E4"]


def test_prose_contains_no_tune(tmp_path: Path) -> None:
    path = tmp_path / "readme.abc"
    path.write_text("A bag of tunes from a cafe; add a few.\n\nIts K: field is a key\n")
    (unread,) = read(path).unread
    assert unread.reason.startswith("there is no tune in it")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_all_encodings_are_decoded(encoding: str) -> None:
    (piece,) = read_text(decode("X:1\r\nT:Dée\r\nK:C\r\nCD|\r\n".encode(encoding)))
    assert (piece.heading.title, piece.num_timed) == ("Dée", 2)


def test_tags_of_web_pages_are_removed(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = read_text(decode(b"<html><body><pre>X:1\nL:1/8\nK:C\nA<B c>d|\n</pre></body>\n"))
    assert [note.spelling for note in rows(piece)] == ["A4", "B4", "C5", "D5"]


def test_quoted_printable_codes_are_decoded(rows: Callable[[Piece], list[Note]]) -> None:
    text = decode(b"X:1\nL:1/8\nK:D\nc2 =3Dc2 |=20\nd2|\n")
    (piece,) = read_text(text)
    assert [note.spelling for note in rows(piece)] == ["C#5", "C5", "D5"]


def test_zero_bytes_and_doubled_line_ends_are_removed() -> None:
    (piece,) = read_text(decode(b"X:1\r\r\nL:1/8\r\r\nK:D\r\r\nc2\0d2|\r\r\n\0"))
    assert piece.num_timed == 2
