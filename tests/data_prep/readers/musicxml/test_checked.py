"""Tests of MusicXML scores written by hand: cue notes, voices across staves, pickups, and errors."""

from collections.abc import Callable
from time import process_time

import pytest

from data_prep.readers.notes import Note, Piece, Reading
from tests import hand_musicxml as xml


def test_cue_notes_are_rests(reading: Callable[[str], Reading]) -> None:
    cue, chord = "<cue/>", "<chord/>"
    bars = [
        xml.attributes() + xml.note("C4") + xml.note("D4", before=cue) + xml.note("E4") + xml.note("F4", before=cue),
        "".join(
            (
                *(xml.note("C4", before=cue), xml.note("E4", before=chord), xml.note("G4", before=chord)),
                *(xml.note("A4", "", "<grace/>" + cue), xml.note("B4", 3), xml.note("D5", 3, before=cue + chord)),
            )
        ),
    ]
    assert xml.only_events(reading(xml.score(*bars))) == [(60, 1), (-1, 1), (64, 1), (-1, 1), (67, 1), (71, 3)]


def test_a_forward_at_the_end_of_a_bar_extends_it(reading: Callable[[str], Reading]) -> None:
    bars = [xml.attributes() + xml.notes("C4", 4), xml.note("D4") + xml.move("forward", 3), xml.notes("E4", 4)]
    assert xml.only_events(reading(xml.score(*bars))) == [(60, 4), (62, 1), (-1, 3), (64, 4)]


def test_a_voice_may_change_between_staves(reading: Callable[[str], Reading]) -> None:
    def at(voice: int, staff: int) -> str:
        return f"<voice>{voice}</voice><staff>{staff}</staff>"

    lower = xml.move("backup", 4) + xml.note("C2", 4, after=at(5, 2))
    bars = [
        xml.notes("C5 E5", after=at(1, 1)) + xml.notes("C3 E3", after=at(1, 2)) + lower,
        xml.note("G3", 4, after=at(1, 2)) + lower,
        xml.note("C5", 4, after=at(1, 1)) + lower,
    ]
    bars[0] = xml.attributes(more="<staves>2</staves>") + bars[0]
    pieces = reading(xml.score(*bars)).pieces
    assert [xml.events(piece) for piece in pieces] == [
        [(72, 1), (76, 1), (48, 1), (52, 1), (55, 4), (72, 4)],
        [(36, 4), (36, 4), (36, 4)],
    ]


def test_voices_of_two_staves_with_the_same_number_stay_separate(reading: Callable[[str], Reading]) -> None:
    def at(staff: int) -> str:
        return f"<voice>1</voice><staff>{staff}</staff>"

    both = xml.notes("C5 E5", 2, after=at(1)) + xml.move("backup", 4) + xml.note("C2", 4, after=at(2))
    pieces = reading(xml.score(xml.attributes(more="<staves>2</staves>") + both)).pieces
    assert [xml.events(piece) for piece in pieces] == [[(72, 2), (76, 2)], [(36, 4)]]


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
def test_a_first_bar_in_two_halves_is_not_a_pickup(
    reading: Callable[[str], Reading], marks: list[tuple[str, str]], pickup: int
) -> None:
    contents = [xml.attributes() + xml.notes("C4"), xml.notes("D4 E4 F4"), xml.notes("G4 G4 G4 G4")]
    bars = [xml.bar(content, *mark) for content, mark in zip(contents, marks, strict=True)]
    (piece,) = reading(xml.score(*bars)).pieces
    assert piece.heading.pickup == pickup


def test_a_short_bar_before_a_full_one_is_a_pickup(reading: Callable[[str], Reading]) -> None:
    (piece,) = reading(
        xml.score(xml.attributes() + xml.notes("C4"), xml.notes("D4 E4 F4 G4"), xml.notes("A4 A4 A4"))
    ).pieces
    assert piece.heading.pickup == 1


def test_parts_without_names_are_numbered(reading: Callable[[str], Reading]) -> None:
    blank = (
        '<part-name> </part-name><score-instrument id="I"><instrument-name> (2)</instrument-name></score-instrument>'
    )
    text = xml.score(xml.attributes() + xml.notes("C4")).replace("<part-name>Flute</part-name>", blank)
    text = text.replace("</part-list>", f'<score-part id="P2">{blank}</score-part></part-list>')
    part = text[text.index("<part id") : text.index("</score-partwise>")]
    pieces = reading(text.replace("</score-partwise>", part.replace("P1", "P2") + "</score-partwise>")).pieces
    assert [piece.heading.part for piece in pieces] == ["part 1", "part 2"]


def test_grace_notes_keep_their_order_and_the_top_note_ties_a_chord(
    reading: Callable[[str], Reading], rows: Callable[[Piece], list[Note]]
) -> None:
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    graces = xml.note("D4", "", "<grace/>") + xml.note("F4", "", "<grace/>")
    chords = (
        xml.note("C4", 2, after=start)
        + xml.note("E4", 2, "<chord/>")
        + xml.note("C4", 2, after=stop)
        + xml.note("E4", 2, "<chord/>")
    )
    (piece,) = reading(xml.score(xml.attributes() + graces + chords)).pieces
    assert [(note.spelling, note.duration) for note in rows(piece)] == [("D4", 0), ("F4", 0), ("E4", 2), ("E4", 2)]


@pytest.mark.parametrize(("beats", "unit", "read_as"), [
    ("3+2", "8", (5, 8)),
    ("999999999", "4", None),
    ("0", "4", None),
    ("4", "3", None),
    ("-4", "4", None),
    ("9" * 5000, "4", None),
])  # fmt: skip
def test_an_invalid_metre_is_ignored(
    reading: Callable[[str], Reading], beats: str, unit: str, read_as: tuple[int, int] | None
) -> None:
    time = f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"
    (piece,) = reading(xml.score(xml.attributes(time=time) + xml.notes("C4 D4"))).pieces
    assert [metre[1:] for metre in piece.heading.metres] == ([read_as] if read_as else [])
    assert xml.events(piece) == [(60, 1), (62, 1)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (xml.notes("C4 D4"), "there are durations, but no <divisions> that defines their unit"),
        *(
            (
                f"<attributes><divisions>{divisions}</divisions></attributes>" + xml.notes("C4"),
                f"<divisions> is a positive number up to 65535: got {divisions!r}",
            )
            for divisions in ("0", "-2", "65536", "1e99999999", "two")
        ),
        *(
            (xml.attributes() + xml.note("C4", text), f"a duration is a number from 0 on: got {text.strip()!r}")
            for text in ("-1", "1e99999999", "nan", "long", " ")
        ),
        (
            xml.attributes() + xml.note("C4") + "<backup><duration>-4</duration></backup>",
            "a duration is a number from 0 on: got '-4'",
        ),
        (
            xml.attributes() + xml.note("C4") + xml.move("forward", 10**8) + xml.note("C4"),
            "music of at most 1000000 quarter notes is read: it lasts 1e+08",
        ),
        (xml.attributes() + xml.note("H4"), "<step> is a letter from A to G: got 'H'"),
        (xml.attributes() + xml.note("C4.5"), "<octave> is a whole number from -1 to 10: got '4.5'"),
        (xml.attributes() + xml.note("C999999"), "<octave> is a whole number from -1 to 10: got '999999'"),
        (
            xml.attributes(key="<key><fifths>100000</fifths></key>") + xml.note("C4"),
            "<fifths> is a whole number from -14 to 14: got '100000'",
        ),
        (
            xml.attributes(more="<staves>100000</staves>") + xml.note("C4"),
            "<staves> is a whole number from 0 to 20: got '100000'",
        ),
        (xml.attributes() + "<note><duration>2</duration></note>", "it has 0 notes, but music21 reads 1"),
    ],
)  # fmt: skip
def test_invalid_numbers_are_rejected(reading: Callable[[str], Reading], content: str, reason: str) -> None:
    (unread,) = reading(xml.score(content)).unread
    assert unread.reason == reason


def test_notes_that_music21_loses_are_detected(reading: Callable[[str], Reading]) -> None:
    text = xml.score(xml.attributes() + xml.notes("C4 D4")).replace('<part id="P1">', '<part id="P2">')
    (unread,) = reading(text).unread
    assert unread.reason == "it has 2 notes, but music21 reads 0"


def test_too_many_bars_or_notes_are_rejected(reading: Callable[[str], Reading]) -> None:
    (unread,) = reading(xml.score(xml.attributes() + xml.note("C4"), "<measure/>" * 100_000)).unread
    assert unread.reason == "files of at most 100000 parts, bars and signatures are read: it has 100004"
    (unread,) = reading(xml.score("<note/>" * 200_001)).unread
    assert unread.reason == "files of at most 200000 notes are read: it has 200001"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<score-timewise/>", "scores with the root <score-partwise> are read: it has <score-timewise>"),
        ("<score-partwise>", "its XML is broken or cut short: no element found: line 1, column 16"),
    ],
)
def test_other_and_incomplete_files_are_rejected(reading: Callable[[str], Reading], text: str, reason: str) -> None:
    (unread,) = reading(text).unread
    assert unread.reason == reason


def test_reading_time_is_linear_in_the_number_of_bars(reading: Callable[[str], Reading]) -> None:
    bar = xml.notes("C4 D4 E4 F4")
    begin = process_time()
    (piece,) = reading(xml.score(xml.attributes() + bar, *[bar] * 2500)).pieces
    assert len(piece.pitch) == 4 * 2501
    assert process_time() - begin < 8  # quadratic time would be several times as long


def test_the_only_voice_of_a_bar_keeps_its_number(reading: Callable[[str], Reading]) -> None:
    def at(voice: int) -> str:
        return f"<voice>{voice}</voice>"

    both = (
        xml.attributes()
        + xml.notes("C5 D5 E5 F5", after=at(1))
        + xml.move("backup", 4)
        + xml.notes("C3 D3 E3 F3", after=at(2))
    )
    score = reading(xml.score(both, xml.notes("C3 D3 E3 G3", after=at(2)), xml.notes("G5 C5 G5 C5", after=at(1))))
    upper, lower = (xml.events(piece) for piece in score.pieces)
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
def test_transposing_instruments_are_read_at_sounding_pitch(
    reading: Callable[[str], Reading], transpose: str, pitches: list[int]
) -> None:
    more = f"<transpose>{transpose}</transpose>"
    events = xml.only_events(reading(xml.score(xml.attributes(more=more) + xml.notes("C4 D4 E4 F4"))))
    assert [pitch for pitch, _ in events] == pitches


def test_empty_elements_have_their_default_values(reading: Callable[[str], Reading]) -> None:
    bar = xml.attributes() + xml.notes("C4 D4 E4 F4", after="<staff/>").replace("<octave>", "<alter/><octave>")
    assert [pitch for pitch, _ in xml.only_events(reading(xml.score(bar)))] == [60, 62, 64, 65]
