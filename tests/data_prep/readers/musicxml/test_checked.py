"""MusicXML files by hand: archives, what does not sound, voices across staves, first bars, and what is rejected."""

import zipfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from time import process_time

import pytest

from data_prep.readers.musicxml.files import MAX_DEPTH
from data_prep.readers.notes import Note, Piece, Reading
from data_prep.readers.scores import read

SCORE = (
    '<?xml version="1.0"?>{declared}<score-partwise version="4.0"><part-list><score-part id="P1">'
    '<part-name>Flute</part-name></score-part></part-list><part id="P1">{bars}</part></score-partwise>'
)
ATTRIBUTES = "<attributes><divisions>2</divisions>{key}{time}{more}</attributes>"
COMMON = "<time><beats>4</beats><beat-type>4</beat-type></time>"


def _score(*bars: str, declared: str = "") -> str:
    numbered = [bar if bar.startswith("<measure") else _bar(bar, str(number)) for number, bar in enumerate(bars, 1)]
    return SCORE.format(bars="".join(numbered), declared=declared)


def _bar(content: str, number: str, marks: str = "") -> str:
    return f'<measure number="{number}" {marks}>{content}</measure>'


def _attributes(time: str = COMMON, key: str = "", more: str = "") -> str:
    return ATTRIBUTES.format(time=time, key=key, more=more)


def _note(name: str, quarters: float | str = 1, before: str = "", after: str = "") -> str:
    duration = (
        "" if quarters == "" else f"<duration>{quarters if isinstance(quarters, str) else int(2 * quarters)}</duration>"
    )
    pitch = f"<pitch><step>{name[0]}</step><octave>{name[1:]}</octave></pitch>"
    return f"<note>{before}{pitch}{duration}{after}</note>"


def _notes(names: str, quarters: float = 1, before: str = "", after: str = "") -> str:
    return "".join(_note(name, quarters, before, after) for name in names.split())


def _move(tag: str, quarters: float) -> str:
    return f"<{tag}><duration>{int(2 * quarters)}</duration></{tag}>"


@pytest.fixture
def reading(tmp_path: Path) -> Callable[[str], Reading]:
    """Read a score that is written out."""

    def make(text: str) -> Reading:
        path = tmp_path / "score.musicxml"
        path.write_text(text)
        return read(path)

    return make


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Pack an archive of these members."""

    def make(members: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "score.mxl"
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, content in members.items():
                file.writestr(name, content)
        return path

    return make


def _container(name: str) -> str:
    return f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'


def _sounds(piece: Piece) -> list[tuple[int, Fraction]]:
    return [
        (int(pitch), Fraction(int(duration), piece.resolution))
        for pitch, duration in zip(piece.pitch, piece.duration, strict=True)
    ]


def _one(reading: Reading) -> list[tuple[int, Fraction]]:
    assert not reading.unread
    (piece,) = reading.pieces
    return _sounds(piece)


def test_the_score_that_an_archives_container_names_is_read(archive: Callable[..., Path]) -> None:
    scores = {name: _score(_attributes() + _notes(names)) for name, names in (("a.xml", "C3 C3"), ("b.xml", "G4 A4"))}
    assert _one(read(archive({**scores, "META-INF/container.xml": _container("b.xml")}))) == [(67, 1), (69, 1)]
    assert _one(read(archive(scores))) == [(48, 1), (48, 1)]
    (unread,) = read(archive({**scores, "META-INF/container.xml": _container("c.xml")})).unread
    assert unread.reason == "its container names 'c.xml' as the score, which is not in it"
    only = {"a.xml": scores["a.xml"], "META-INF/container.xml": _container("c.xml")}
    assert _one(read(archive(only))) == [(48, 1), (48, 1)]


@pytest.mark.parametrize(
    ("members", "compression", "reason"),
    [
        ({"notes.txt": "C D E"}, zipfile.ZIP_DEFLATED, "the archive holds no score"),
        (
            {"a.xml": b" " * 2**20},
            zipfile.ZIP_LZMA,
            "a.xml in the archive is packed in a way that MusicXML does not use",
        ),
        (
            {"a.xml": b" " * (64 * 2**20 + 1)},
            zipfile.ZIP_DEFLATED,
            "files of at most 64 MB are read: it has more",
        ),
    ],
)
def test_an_archive_that_is_none_of_a_score_is_refused(
    archive: Callable[..., Path], members: dict[str, str | bytes], compression: int, reason: str
) -> None:
    (unread,) = read(archive(members, compression)).unread
    assert unread.reason == reason


def test_an_archive_that_is_damaged_is_refused(archive: Callable[..., Path]) -> None:
    path = archive({"a.xml": _score(_attributes() + _notes("C4 D4 E4 F4"))})
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    (unread,) = read(path).unread
    assert unread.reason.startswith("the archive is broken: ")


def test_a_long_comment_takes_no_time(archive: Callable[..., Path]) -> None:
    comment = f"<!--{'x' * 30_000_000}-->"
    path = archive({"a.xml": _score(_attributes() + _notes("C4"), declared=comment)})
    begin = process_time()
    assert _one(read(path)) == [(60, 1)]
    assert process_time() - begin < 5


@pytest.mark.parametrize(
    "entity", ['<!ENTITY a "aaaa">', '<!ENTITY a SYSTEM "file:///etc/hostname">', '<!ENTITY % a "aaaa">']
)
def test_declared_entities_are_refused(reading: Callable[[str], Reading], entity: str) -> None:
    (unread,) = reading(_score(_attributes() + _notes("C4"), declared=f"<!DOCTYPE x [{entity}]>")).unread
    assert unread.reason == "it declares an entity (a), which no score needs"


def test_the_usual_doctype_is_read_and_not_fetched(reading: Callable[[str], Reading]) -> None:
    doctype = '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD" "http://localhost:1/partwise.dtd">'
    assert _one(reading(_score(_attributes() + _notes("C4"), declared=doctype))) == [(60, 1)]


def test_elements_within_one_another_are_bounded(reading: Callable[[str], Reading]) -> None:
    (unread,) = reading("<a>" * 1_000_000).unread
    assert unread.reason == f"at most 2000000 elements, {MAX_DEPTH} within one another, are read: it has more"


def test_cue_notes_are_silent_and_keep_their_time(reading: Callable[[str], Reading]) -> None:
    cue, chord = "<cue/>", "<chord/>"
    bars = [
        _attributes() + _note("C4") + _note("D4", before=cue) + _note("E4") + _note("F4", before=cue),
        "".join(
            (
                *(_note("C4", before=cue), _note("E4", before=chord), _note("G4", before=chord)),
                *(_note("A4", "", "<grace/>" + cue), _note("B4", 3), _note("D5", 3, before=cue + chord)),
            )
        ),
    ]
    assert _one(reading(_score(*bars))) == [(60, 1), (-1, 1), (64, 1), (-1, 1), (67, 1), (71, 3)]


def test_a_bar_is_as_long_as_its_last_forward(reading: Callable[[str], Reading]) -> None:
    bars = [_attributes() + _notes("C4", 4), _note("D4") + _move("forward", 3), _notes("E4", 4)]
    assert _one(reading(_score(*bars))) == [(60, 4), (62, 1), (-1, 3), (64, 4)]


def test_a_voice_that_changes_between_staves_is_one(reading: Callable[[str], Reading]) -> None:
    def at(voice: int, staff: int) -> str:
        return f"<voice>{voice}</voice><staff>{staff}</staff>"

    lower = _move("backup", 4) + _note("C2", 4, after=at(5, 2))
    bars = [
        _notes("C5 E5", after=at(1, 1)) + _notes("C3 E3", after=at(1, 2)) + lower,
        _note("G3", 4, after=at(1, 2)) + lower,
        _note("C5", 4, after=at(1, 1)) + lower,
    ]
    bars[0] = _attributes(more="<staves>2</staves>") + bars[0]
    pieces = reading(_score(*bars)).pieces
    assert [_sounds(piece) for piece in pieces] == [
        [(72, 1), (76, 1), (48, 1), (52, 1), (55, 4), (72, 4)],
        [(36, 4), (36, 4), (36, 4)],
    ]


def test_staves_that_number_their_voices_alike_stay_two(reading: Callable[[str], Reading]) -> None:
    def at(staff: int) -> str:
        return f"<voice>1</voice><staff>{staff}</staff>"

    both = _notes("C5 E5", 2, after=at(1)) + _move("backup", 4) + _note("C2", 4, after=at(2))
    pieces = reading(_score(_attributes(more="<staves>2</staves>") + both)).pieces
    assert [_sounds(piece) for piece in pieces] == [[(72, 2), (76, 2)], [(36, 4)]]


@pytest.mark.parametrize(
    ("marks", "pickup"),
    [
        ([("1", ""), ("2", ""), ("3", "")], 0),
        ([("1", ""), ("X1", 'implicit="yes"'), ("2", "")], 0),
        ([("1", ""), ("1", 'non-controlling="yes"'), ("2", "")], 0),
        ([("0", ""), ("1", ""), ("2", "")], 1),
        ([("X1", 'implicit="yes"'), ("1", ""), ("2", "")], 1),
    ],
)
def test_a_first_bar_in_two_halves_is_no_pickup(
    reading: Callable[[str], Reading], marks: list[tuple[str, str]], pickup: int
) -> None:
    contents = [_attributes() + _notes("C4"), _notes("D4 E4 F4"), _notes("G4 G4 G4 G4")]
    bars = [_bar(content, *mark) for content, mark in zip(contents, marks, strict=True)]
    (piece,) = reading(_score(*bars)).pieces
    assert piece.heading.pickup == pickup


def test_a_short_bar_before_a_whole_one_is_a_pickup(reading: Callable[[str], Reading]) -> None:
    (piece,) = reading(_score(_attributes() + _notes("C4"), _notes("D4 E4 F4 G4"), _notes("A4 A4 A4"))).pieces
    assert piece.heading.pickup == 1


def test_parts_without_names_are_numbered(reading: Callable[[str], Reading]) -> None:
    blank = (
        '<part-name> </part-name><score-instrument id="I"><instrument-name> (2)</instrument-name></score-instrument>'
    )
    text = _score(_attributes() + _notes("C4")).replace("<part-name>Flute</part-name>", blank)
    text = text.replace("</part-list>", f'<score-part id="P2">{blank}</score-part></part-list>')
    part = text[text.index("<part id") : text.index("</score-partwise>")]
    pieces = reading(text.replace("</score-partwise>", part.replace("P1", "P2") + "</score-partwise>")).pieces
    assert [piece.heading.part for piece in pieces] == ["part 1", "part 2"]


def test_grace_notes_keep_their_order_and_a_chord_has_its_top_notes_tie(
    reading: Callable[[str], Reading], rows: Callable[[Piece], list[Note]]
) -> None:
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    graces = _note("D4", "", "<grace/>") + _note("F4", "", "<grace/>")
    chords = (
        _note("C4", 2, after=start)
        + _note("E4", 2, "<chord/>")
        + _note("C4", 2, after=stop)
        + _note("E4", 2, "<chord/>")
    )
    (piece,) = reading(_score(_attributes() + graces + chords)).pieces
    assert [(note.spelling, note.duration) for note in rows(piece)] == [("D4", 0), ("F4", 0), ("E4", 2), ("E4", 2)]


@pytest.mark.parametrize(("beats", "unit", "read_as"), [
    ("3+2", "8", (5, 8)),
    ("999999999", "4", None),
    ("0", "4", None),
    ("4", "3", None),
    ("-4", "4", None),
    ("9" * 5000, "4", None),
])  # fmt: skip
def test_a_metre_that_is_none_is_ignored(
    reading: Callable[[str], Reading], beats: str, unit: str, read_as: tuple[int, int] | None
) -> None:
    time = f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"
    (piece,) = reading(_score(_attributes(time=time) + _notes("C4 D4"))).pieces
    assert [metre[1:] for metre in piece.heading.metres] == ([read_as] if read_as else [])
    assert _sounds(piece) == [(60, 1), (62, 1)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_notes("C4 D4"), "there are durations, but no <divisions> that say what they count"),
        *(
            (
                f"<attributes><divisions>{divisions}</divisions></attributes>" + _notes("C4"),
                f"<divisions> is a number up to 65535, greater than 0, here it is {divisions!r}",
            )
            for divisions in ("0", "-2", "65536", "1e99999999", "two")
        ),
        *(
            (_attributes() + _note("C4", quarters), f"a duration is a number from 0 on, one is {quarters.strip()!r}")
            for quarters in ("-1", "1e99999999", "nan", "long", " ")
        ),
        (
            _attributes() + _note("C4") + "<backup><duration>-4</duration></backup>",
            "a duration is a number from 0 on, one is '-4'",
        ),
        (
            _attributes() + _note("C4") + _move("forward", 10**8) + _note("C4"),
            "music of at most 1000000 quarter notes is read: it lasts 1e+08",
        ),
        (_attributes() + _note("H4"), "<step> is a letter from A to G, one is 'H'"),
        (_attributes() + _note("C4.5"), "<octave> is a whole number from -1 to 10, one is '4.5'"),
        (_attributes() + _note("C999999"), "<octave> is a whole number from -1 to 10, one is '999999'"),
        (
            _attributes(key="<key><fifths>100000</fifths></key>") + _note("C4"),
            "<fifths> is a whole number from -14 to 14, one is '100000'",
        ),
        (
            _attributes(more="<staves>100000</staves>") + _note("C4"),
            "<staves> is a whole number from 0 to 20, one is '100000'",
        ),
        (_attributes() + "<note><duration>2</duration></note>", "it has 0 notes, of which 1 could be read"),
    ],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_refused(reading: Callable[[str], Reading], content: str, reason: str) -> None:
    (unread,) = reading(_score(content)).unread
    assert unread.reason == reason


def test_notes_that_would_be_lost_are_counted(reading: Callable[[str], Reading]) -> None:
    text = _score(_attributes() + _notes("C4 D4")).replace('<part id="P1">', '<part id="P2">')
    (unread,) = reading(text).unread
    assert unread.reason == "it has 2 notes, of which 0 could be read"


def test_more_bars_or_notes_than_any_score_has_are_refused(reading: Callable[[str], Reading]) -> None:
    (unread,) = reading(_score(_attributes() + _note("C4"), "<measure/>" * 100_000)).unread
    assert unread.reason == "files of at most 100000 parts, bars and signatures are read: it has 100004"
    (unread,) = reading(_score("<note/>" * 200_001)).unread
    assert unread.reason == "files of at most 200000 notes are read: it has 200001"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<score-timewise/>", "a score whose root is <score-partwise> is read, this one's is <score-timewise>"),
        ("<score-partwise>", "its XML is broken or cut short: no element found: line 1, column 16"),
    ],
)
def test_what_is_no_score_is_refused(reading: Callable[[str], Reading], text: str, reason: str) -> None:
    (unread,) = reading(text).unread
    assert unread.reason == reason


def test_many_bars_take_time_by_their_number_alone(reading: Callable[[str], Reading]) -> None:
    bar = _notes("C4 D4 E4 F4")
    begin = process_time()
    (piece,) = reading(_score(_attributes() + bar, *[bar] * 2500)).pieces
    assert len(piece.pitch) == 4 * 2501
    assert process_time() - begin < 8  # by the square of the bars it would be several times as much


def test_a_bar_with_the_second_voice_alone_keeps_it_the_second(reading: Callable[[str], Reading]) -> None:
    def at(voice: int) -> str:
        return f"<voice>{voice}</voice>"

    both = _attributes() + _notes("C5 D5 E5 F5", after=at(1)) + _move("backup", 4) + _notes("C3 D3 E3 F3", after=at(2))
    found = reading(_score(both, _notes("C3 D3 E3 G3", after=at(2)), _notes("G5 C5 G5 C5", after=at(1))))
    upper, lower = (_sounds(piece) for piece in found.pieces)
    assert upper == [(pitch, 1) for pitch in (72, 74, 76, 77)] + [(-1, 4)] + [(pitch, 1) for pitch in (79, 72, 79, 72)]
    assert lower == [(pitch, 1) for pitch in (48, 50, 52, 53, 48, 50, 52, 55)]


@pytest.mark.parametrize(
    ("transpose", "pitches"),
    [
        ("<chromatic>-2</chromatic><octave-change>-1</octave-change>", [46, 48, 50, 51]),
        ("<chromatic>0</chromatic><octave-change>-1</octave-change>", [48, 50, 52, 53]),
        ("<diatonic>-1</diatonic><chromatic>-2.0</chromatic>", [58, 60, 62, 63]),
    ],
)
def test_parts_of_transposing_instruments_are_read_as_they_sound(
    reading: Callable[[str], Reading], transpose: str, pitches: list[int]
) -> None:
    more = f"<transpose>{transpose}</transpose>"
    found = reading(_score(_attributes(more=more) + _notes("C4 D4 E4 F4")))
    assert [pitch for pitch, _ in _one(found)] == pitches


def test_empty_elements_mean_nothing(reading: Callable[[str], Reading]) -> None:
    bar = _attributes() + _notes("C4 D4 E4 F4", after="<staff/>").replace("<octave>", "<alter/><octave>")
    assert [pitch for pitch, _ in _one(reading(_score(bar)))] == [60, 62, 64, 65]


def test_an_archive_without_a_container_holds_its_only_score(archive: Callable[..., Path]) -> None:
    score = _score(_attributes() + _notes("C4 D4 E4 F4"))
    found = read(archive({"__MACOSX/._S.XML": b"\0\5\x16\7", "._S.XML": b"\0\5\x16\7", "S.XML": score}))
    assert [pitch for pitch, _ in _one(found)] == [60, 62, 64, 65]
