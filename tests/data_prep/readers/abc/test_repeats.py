"""Tests of repeats in ABC: tunes expanded by hand, and short and real tunes compared with a second expander."""

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import product

import pytest

from data_prep.corpora.named import corpora
from data_prep.melodies.assembly import positions
from data_prep.readers.abc.files import decode, split_tunes
from data_prep.readers.abc.repeats import MAX_PARTS, parts_in_order
from data_prep.readers.abc.tunes import read_tune
from data_prep.readers.notes import Note, Piece

HEAD = "M:4/4\nL:1/4\nK:C"


def _played(music: str, head: str = HEAD) -> list[Piece]:
    ((tune, lines),) = split_tunes(f"X:1\n{head}\n{music}\n")
    return read_tune(tune, lines, "played")


def _names(piece: Piece) -> str:
    """Return the notes of a piece in ABC's letters, with lengths unless they are a quarter note."""
    notes = zip(piece.spelling, piece.duration, strict=True)
    lengths = [(name, Fraction(int(duration), piece.resolution)) for name, duration in notes]
    return " ".join(_letter(name) + ("" if length == 1 else f":{length}") for name, length in lengths)


def _letter(name: str) -> str:
    return {"4": name[0], "5": name[0].lower()}.get(name[-1], "z")


@pytest.mark.parametrize(
    ("music", "played"),
    [
        ("|:C:|D", "C C D"),
        ("C|D:|E", "C D C D E"),
        ("|:C D|E F:||:G:|]", "C D E F C D E F G G"),
        ("|:C::D:|E", "C C D D E"),
        ("C:||D:|E", "C C D D E"),
        ("|::C::|D", "C C C D"),
        ("C||D:|", "C D D"),
        ("C|]D:|", "C D D"),
        ("[|C|D:|]", "C D C D"),
        ("|:C||D:|E", "C D C D E"),
        ("C|:|D[|]:|E", "C C D D E"),
        ("|:C|D", "C D"),
        ("|:C|1D:|2E|]F", "C D C E F"),
        ("|:C[1D:|[2E|]F", "C D C E F"),
        ("C|1D:|2E:|F", "C D C E F"),
        ("C|1D|2E|F", "C D C E F"),
        ("|:C|1D:|E", "C D C E"),
        ("|:C[1,3D:|[2E:|[4F|]", "C D C E C D C F"),
        ("|:C[1-3D:|4E|]", "C D C D C D C E"),
        ("|:C|1D|E:|2F|G||A:|", "C D E C F G A A"),
        ("|:C\\\n:|\nD", "C C D"),
        ('|:C "D.C."D:|!fine!E', "C D C D E"),
    ],
)
def test_bar_lines_and_endings(music: str, played: str) -> None:
    assert _names(*_played(music)) == played


@pytest.mark.parametrize(
    ("parts", "music", "played"),
    [
        ("ABA", "P:A\nC|\nP:B\nD|", "C D C"),
        ("A2.B", "[P:A]C|[P:B]D|", "C C D"),
        ("((AB)2C)2 % as danced", "P:A\nC|\nP:B\nD|\nP:C\nE|", "C D C D E C D C D E"),
        ("AB", "P:A\n|:C:|\nP:B\nD:|\nP:C\nE", "C C D D"),
        ("A3", "P:A\nC[1D:|[2E:|[3F|]", "C D C E C F"),
        ("Trad.", "P:A\nC:|\nP:B\nD|", "C C D"),
        ("(AB", "P:A\nC:|\nP:B\nD|", "C C D"),
        ("XY", "P:A\nC:|\nP:B\nD:|", "C C D D"),
    ],
)
def test_parts(parts: str, music: str, played: str) -> None:
    assert _names(*_played(music, f"P:{parts}\n{HEAD}")) == played


def test_the_number_of_parts_is_limited() -> None:
    assert parts_in_order("((A9)9)9") == ["A"] * 729
    with pytest.raises(ValueError, match=f"a tune has at most {MAX_PARTS} parts, including repeats: got P:"):
        parts_in_order("((((A99)99)99)99)99")
    assert parts_in_order("A)B") == parts_in_order("A, then B") == []


def test_a_repeated_pickup_completes_the_bar_before_it(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = _played("|:E|ABcd|efg:|\n|:a|GFED|C3:|")
    assert _names(piece) == "E A B c d e f g E A B c d e f g a G F E D C:3 a G F E D C:3"
    assert piece.heading.pickup == 1
    _, place, resolution = positions(piece)
    assert resolution == piece.resolution
    starts = [note.spelling for note, at in zip(rows(piece), place.tolist(), strict=True) if at == 0]
    assert starts == ["A4", "E5", "A4", "E5", "G4", "C4", "G4", "C4"]


def test_the_pickup_is_that_of_the_first_part_played() -> None:
    (piece,) = _played("P:A\nC2|DEFG|\nP:B\nA|cdef|", f"P:BA\n{HEAD}")
    assert (_names(piece), piece.heading.pickup) == ("A c d e f C:2 D E F G", 1)


def test_ties_grace_notes_chords_and_rests_are_repeated(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = _played("|:c-|1c {d}[CE]:|2c {fg}|]{a}z3|B")
    assert _names(piece) == "c:2 d:0 E c:2 f:0 g:0 a:0 z:3 B"
    assert [note.chord_size for note in rows(piece)] == [1, 1, 2, 1, 1, 1, 1, 0, 1]
    (over,) = _played("|:cd-:|d")  # the tie applies only to the d after the repeat
    assert _names(over) == "c d c d:2"
    (back,) = _played("|:cdc-:|d")
    assert _names(back) == "c d c:2 d c d"


def test_grace_notes_stay_on_their_side_of_a_repeat_sign() -> None:
    assert _names(*_played("|:C{D}:|{E}F")) == "C D:0 C D:0 E:0 F"


def test_metres_and_keys_are_repeated() -> None:
    (piece,) = _played("|:CDEF|[M:3/4][K:G]GAB:|cde|")
    assert [tuple(metre) for metre in piece.heading.metres] == [(0, 4, 4), (4, 3, 4), (7, 4, 4), (11, 3, 4)]
    assert [(key.onset, key.tonic) for key in piece.heading.keys] == [(0, 0), (4, 7), (7, 0), (11, 7)]


def test_voices_stay_aligned() -> None:
    both = "V:1\n|:CDEF|1GABc:|2c4|]\nV:2\n|:{}|1G4:|2c4|]"
    low = ["E:4 G:4 E:4 c:4", "E:3 G:4 E:3 c:4"]
    for bar, played in zip(("E4", "E3"), low, strict=True):  # a bar that is too short remains so
        upper, lower = _played(both.format(bar))
        assert (_names(upper), _names(lower)) == ("C D E F G A B c C D E F c:4", played)
    signs, none = "|:CDEF|1GABc:|2c4|]", "E4|G4|c4|"
    for first, second in ((signs, none), (none, signs)):  # only one has repeat signs
        voices = {_names(voice) for voice in _played(f"V:1\n{first}\nV:2\n{second}")}
        assert voices == {"C D E F G A B c C D E F c:4", "E:4 G:4 E:4 c:4"}
    upper, lower = _played("V:1\n|:CDEF:|G4|]\nV:2\nE2|")  # one voice is too short
    assert (_names(upper), _names(lower)) == ("C D E F C D E F G:4", "E:2 z:2 E:2")
    upper, lower = _played("V:1\n|:CDEF:|G4|]\nV:2\nE4|F4|G4|")  # or too long
    assert (_names(upper), _names(lower)) == ("C D E F C D E F G:4", "E:4 E:4 F:4 G:4")


def test_too_many_repetitions_and_notes_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"line 5: a section is played at most 100 times: .* asks for 101"):
        _played("C[1-200 D:|")
    with pytest.raises(ValueError, match="files of at most 200000 notes are read: with repeats expanded"):
        _played("C" * 3000 + ":" * 99 + "|")
    with pytest.raises(ValueError, match="there are no notes in it"):
        _played("P:A\nz4|\nP:B\nC4|", f"P:A\n{HEAD}")


_SIGNS = {"|": "", "||": "/", "|:": "[", ":|": "]", "::": "][", "|1": "1", ":|2": "]2", "|2": "2"}


_BARS = "[A-Z\ue000-\uf8ff]"


def _second(text: str) -> str:
    """Expand a tune with one letter per bar and the values of _SIGNS between bars, by a grammar of its sections."""
    played = ""
    while text:
        if section := re.match(rf"\[((?:{_BARS}|/)*)\]|({_BARS}+)\]", text):
            played += 2 * (section[1] or section[2] or "")
            text = text[section.end() :]
        elif section := re.match(rf"(?:\[((?:{_BARS}|/)*)|({_BARS}*))((?:[12]{_BARS}+\]?)+)", text):
            runs = re.findall(rf"([12])({_BARS}+)(\]?)", section[3])
            group = _first_group(runs)
            numbers = {number for number, _, _ in group}
            passes = max(map(int, numbers)) + (numbers == {"1"} and group[-1][2] == "]")
            for number in range(1, passes + 1):
                ending = "".join(bars for digit, bars, _ in group if int(digit) == number)
                played += (section[1] or section[2] or "") + ending
            text = text[section.start(3) + sum(map(len, (part for run in group for part in run))) :]
        else:
            played += text[0]
            text = text[1:]
    return re.sub(r"[^A-Z\ue000-\uf8ff]", "", played)


def _first_group(runs: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return the endings of the first section, which ends before a number that recurs after another one."""
    group: list[tuple[str, str, str]] = []
    for run in runs:
        if group and run[0] != group[-1][0] and run[0] in {number for number, _, _ in group}:
            break
        group.append(run)
    return group


@pytest.mark.parametrize("first", _SIGNS)
def test_all_short_tunes_match_the_second_expander(first: str) -> None:
    for signs in product([first], *[_SIGNS] * 3, ["|", ":|"]):
        music = "".join(bar + sign for bar, sign in zip("CDEFG", signs, strict=True))
        text = "".join(bar + _SIGNS[sign] for bar, sign in zip("CDEFG", signs, strict=True))
        assert _names(*_played(music)) == " ".join(_second(text)), music


def _written_out(music: str) -> str:
    """Expand the repeats of a real tune with the second expander."""
    bars, text = [""], ""
    for part in re.split(r"((?:\[?\||::|:\|)[|:\]]*(?:\[?[12])?|\[[12])", music):
        sign = re.sub(r"\s", "", part)
        if not re.fullmatch(r"(?:\[?\||::|:\|)[|:\]]*(?:\[?[12])?|\[[12]", sign):
            bars.append(part)
            text += chr(0xE000 + len(bars) - 1) if sign else ""
            continue
        number = sign[-1] if sign[-1] in "12" else ""
        sign = sign.rstrip("[12") if number else sign
        line = sign.strip(":")
        closes, opens = sign.startswith(":") or ":" in line, sign.endswith(":")
        text += "]" * closes + "/" * (len(line) > 1) + "[" * opens + number
    return "|".join(bars[ord(bar) - 0xE000] for bar in _second(text))


@pytest.mark.parametrize(("corpus", "every", "num_tunes"), [("oneills", 9, 150), ("ryans", 15, 55), ("airds", 3, 150)])
def test_real_tunes_match_their_expanded_text(
    corpus: str, every: int, num_tunes: int, rows: Callable[[Piece], list[Note]]
) -> None:
    compared = 0
    for path in corpora()[corpus].files()[::every]:
        for tune, lines in split_tunes(decode(path.read_bytes())):
            texts = [line.text.partition("%")[0] for line in lines if not line.text.startswith("%")]
            key = next(number for number, text in enumerate(texts) if text.startswith("K:"))
            head, music = "\n".join(texts[: key + 1]), "\n".join(texts[key + 1 :])
            if re.search(r"^[A-Za-z]:[^|:]|\[[A-Za-z]:|&|::\||[1-9][,-][1-9]|\[[3-9]", music, re.MULTILINE):
                continue  # parts, changes, and endings that the second expander lacks
            (played,) = read_tune(tune, lines, "played")
            ((_, written_out),) = split_tunes(f"{head}\n{_written_out(music)}\n")
            (written,) = read_tune(tune, written_out)
            assert rows(played) == rows(written), f"{path.name} {tune}"
            compared += 1
    assert compared >= num_tunes
