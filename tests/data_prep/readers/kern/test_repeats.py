"""Tests of repeats in kern: lists of sections, and repeat signs of bar lines."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from data_prep.readers.notes import Piece, Reading
from data_prep.readers.scores import read


@pytest.fixture
def played(tmp_path: Path) -> Callable[[str], Reading]:
    """Return a function that reads kern as played, with lines separated by semicolons and columns by spaces."""

    def make(text: str) -> Reading:
        path = tmp_path / "score.krn"
        path.write_text("\n".join("\t".join(line.split()) for line in text.split(";")) + "\n")
        return read(path, "played")

    return make


def _names(piece: Piece) -> str:
    notes = zip(piece.spelling, piece.duration, strict=True)
    return " ".join(f"{name}:{Fraction(int(duration), piece.resolution)}" for name, duration in notes)


@pytest.mark.parametrize(
    ("kern", "notes"),
    [
        ("**kern;*>[A,A,B];*>norep[A,B];*>A;1c;=;*>B;1d;=;*-", "C4:4 C4:4 D4:4"),
        (
            "**kern;*>[A,B,A];1e;=1;*>A;1c;=:|!;*>B;1d;=:|!;*-",
            "E4:4 C4:4 D4:4 C4:4",
        ),  # repeat signs are ignored with a list
        ("**kern;*>[X,Y];*>A;1c;=:|!;*>B;1d;=;*-", "C4:4 C4:4 D4:4"),  # unknown labels
        ("**kern;*>norep[A,B];*>A;1c;=:|!;*>B;1d;=;*-", "C4:4 C4:4 D4:4"),
        ("**kern;1c;=1:|!;1d;=2:||:;1e;=3;1f;=4:!!:;1g;=:|!;*-", "C4:4 C4:4 D4:4 D4:4 E4:4 F4:4 E4:4 F4:4 G4:4 G4:4"),
        ("**kern;1c;=1!|:;1d;=:|!;*-", "C4:4 D4:4 D4:4"),
        ("**kern;1c;=1-;1d;==;*-", "C4:4 D4:4"),
        ("**kern;4g;=1;2c;[2d;=2;2.d];=:|!;4e;*-", "G4:1 C4:2 D4:5 G4:1 C4:2 D4:5 E4:1"),
        (
            "**kern;2d;[2c;=1:|!;2c];2d;=;*-",
            "D4:2 C4:2 D4:2 C4:4 D4:2",
        ),  # a tie over the repeat applies to the second pass
        ("**kern;1c;qd;=1:|!;qe;1f;=;*-", "C4:4 D4:0 C4:4 D4:0 E4:0 F4:4"),
    ],
)
def test_sections_and_repeat_signs(played: Callable[[str], Reading], kern: str, notes: str) -> None:
    (piece,) = played(kern).pieces
    assert _names(piece) == notes


def test_voices_signatures_and_pickup_are_expanded(played: Callable[[str], Reading]) -> None:
    reading = played(
        "**kern **kern;*M2/4 *M2/4;4G 4g;=1 =1;2C 4c;. 4d;=2 =2;*k[f#] *k[f#];*M1/4 *M1/4;4D [4a;=:|!|: =:|!|:;* *^"
        ";2E 2cc 2a];=3 =3 =3;2F 2dd 2f;=:|! =:|! =:|!;* *v *v;*- *-"
    )
    assert [_names(piece) for piece in reading.pieces] == [
        "G4:1 C4:1 D4:1 A4:1 G4:1 C4:1 D4:1 A4:1 C5:2 D5:2 C5:2 D5:2",
        "rest:1 A4:2 F4:2 A4:2 F4:2",
        "G3:1 C3:2 D3:1 G3:1 C3:2 D3:1 E3:2 F3:2 E3:2 F3:2",
    ]
    top = reading.pieces[0].heading
    assert [tuple(metre) for metre in top.metres] == [(0, 2, 4), (3, 1, 4), (4, 2, 4), (7, 1, 4)]
    assert [(key.onset, key.tonic) for key in top.keys] == [(3, 7), (7, 7)]
    assert top.pickup == 1


def test_too_many_notes_and_sections_are_rejected(played: Callable[[str], Reading]) -> None:
    sections = ",".join(["A"] * 3000)
    (unread,) = played(f"**kern;*>[{sections}];*>A" + ";1c;=" * 100 + ";*-").unread
    assert unread.reason == "files of at most 200000 notes are read: with repeats expanded it has more"
    (unread,) = played("**kern" + ";1c;=:|!" * 20_001 + ";*-").unread
    assert unread.reason == "line 40003: at most 20000 sections are read: it has more"
