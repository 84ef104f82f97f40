"""Tests of the second ABC reader."""

from fractions import Fraction

import pytest

from tests.data_prep.readers.abc.second_abc import read_file

HEADER = "X:1\nT:a tune\nM:4/4\nL:1/8\nK:C\n"


def voices_of(text: str) -> dict[str, str]:
    """Return the rows of each voice as pitch:duration, with z as the pitch of a rest."""
    (tune,) = read_file(text.encode())
    assert not tune.error
    for rows in tune.voices.values():
        clock = Fraction(0)
        for row in rows:
            assert row.onset == clock
            clock += row.duration
    return {
        name: " ".join(f"{'z' if row.pitch is None else row.pitch}:{row.duration}" for row in rows)
        for name, rows in tune.voices.items()
    }


@pytest.mark.parametrize(
    ("music", "rows"),
    [
        ("C,D/E//F3/2c'2", "48:1/2 62:1/4 64:1/8 65:3/4 84:1"),
        ("A>B {c}c<<d", "69:3/4 71:1/4 72:0 72:1/8 74:7/8"),
        ("(3CzE (5:4:2CD C", "60:1/3 z:1/3 64:1/3 60:2/5 62:2/5 60:1/2"),
        ("[C2E4]2 [Ge] []C", "64:2 76:1/2 60:1/2"),
        ("^FF f|F =F-|F", "66:1/2 66:1/2 77:1/2 65:1/2 65:1"),
        ("^F-|F F", "66:1 65:1/2"),
        ("[C-E-]2 [CE]2 [C-E] [CE] E-F", "64:2 64:1/2 64:1/2 64:1/2 65:1/2"),
        ("|:C4|1 D4:|[2 E4|[1,3 F4::\ne:|", "60:2 62:2 64:2 65:2 76:1/2"),
        ('!trill!~HC "Am7"J.D y2 C`c $*;', "60:1/2 62:1/2 60:1/2 72:1/2"),
        ("C2 & E2 G2|Z2 x2 F", "60:1 z:8 z:1 65:1/2"),
        ("F[K:D]F[K:bass]F[L:1/4]F[M:6/8][K:Eb](5EEEEE", "65:1/2 66:1/2 66:1/2 66:1" + 5 * " 63:3/5"),
        ("C% a comment\n%%text bad cab\n%%begintext\nabc\n%%endtext\nw: abc\nD\\\nE\n\nABC", "60:1/2 62:1/2 64:1/2"),
    ],
)
def test_rows_match_those_written_by_hand(music: str, rows: str) -> None:
    assert voices_of(HEADER + music) == {"": rows}


@pytest.mark.parametrize(
    ("key", "pitches"),
    [
        ("G", [60, 66, 71]),
        ("F#m", [61, 66, 71]),
        ("Bb mixolydian", [60, 65, 70]),
        ("D Phr ^f", [60, 66, 70]),
        ("Dmix=c", [60, 66, 71]),
        ("exp _b ^c", [61, 65, 70]),
        ("Hp", [61, 66, 71]),
        ("none", [60, 65, 71]),
        ("C# octave=-1", [49, 54, 60]),
        ("D clef=treble-8", [49, 54, 59]),
        ("D bass middle=d", [61, 66, 71]),
        ("C transpose=2", [62, 67, 73]),
    ],
)
def test_pitches_of_c_f_and_b_in_a_key(key: str, pitches: list[int]) -> None:
    (tune,) = read_file(f"X:1\nK:{key}\nCFB".encode("utf-16"))
    assert [row.pitch for row in tune.voices[""]] == pitches


@pytest.mark.parametrize(
    ("metre", "unit"), [("2/4", "1/4"), ("3/4", "1/2"), ("C|", "1/2"), ("(2+3)/8", "1/4"), ("none", "1/2")]
)
def test_the_default_unit_length_depends_on_the_metre(metre: str, unit: str) -> None:
    assert voices_of(f"X:1\rM:{metre}\rK:C\rC[M:4/4]\r") == {"": f"60:{unit}"}


def test_each_voice_has_its_own_fields() -> None:
    header = "X:1\nM:4/4\nL:1/8\nV:1 treble\nV:2 bass octave=-1\nL:1/4\nK:D\n"
    assert voices_of(header + "V:1\nF[K:C]F\nV:2\nF^G|\nV:1\n^F G|\nV:2\nG") == {
        "1": "66:1/2 65:1/2 66:1/2 67:1/2",
        "2": "54:1 56:1 55:1",
    }


def test_text_is_not_read_as_tunes() -> None:
    data = "L:1/4\r\n\r\nA bag of tunes\r\nX:1\r\nT:é\r\nK:C\r\nC\r\n\r\nabc\r\nX: 2\r\nK:C\r\nD\r\nX:3\r\n".encode(
        "latin-1"
    )
    tunes = read_file(data)
    assert [(tune.number, tune.title, tune.error) for tune in tunes] == [
        ("1", "é", ""),
        ("2", "", ""),
        ("3", "", "it has no K: field"),
    ]
    assert tunes[0].voices == {"": [(0, 60, 1)]}
    assert read_file(b"A bag of tunes from a cafe") == []
    assert len(read_file(b"% no number\nT:a\nK:C\nC")) == 1
    assert read_file(b"X:1\nL:1/1\n\nX:2\nK:C\nC")[1].voices == {"": [(0, 60, Fraction(1, 2))]}
