"""Tests of repeats in MusicXML: scores written by hand, and Bach's chorales compared with music21."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import music21
import pytest

from data_prep.corpora.named import corpora
from data_prep.pitches import REST
from data_prep.readers.notes import Piece, Reading
from data_prep.readers.scores import read

PARTS = '<score-partwise version="4.0"><part-list>{listed}</part-list>{parts}</score-partwise>'
FOUR = "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
OPENS = '<barline location="left"><repeat direction="forward"/></barline>'
CLOSES = '<barline location="right"><repeat direction="backward"/></barline>'


def _score(*parts: list[str]) -> str:
    listed = "".join(f'<score-part id="P{n}"><part-name>{n}</part-name></score-part>' for n in range(len(parts)))
    bars = ("".join(f'<measure number="{n}">{bar}</measure>' for n, bar in enumerate(part, 1)) for part in parts)
    return PARTS.format(listed=listed, parts="".join(f'<part id="P{n}">{part}</part>' for n, part in enumerate(bars)))


def _notes(names: str, divisions: int = 8) -> str:
    length = f"<duration>{divisions // len(names)}</duration>"
    return "".join(f"<note><pitch><step>{name}</step><octave>4</octave></pitch>{length}</note>" for name in names)


def _ending(number: str, kind: str, location: str = "left", more: str = "") -> str:
    return f'<barline location="{location}"><ending number="{number}" type="{kind}"/>{more}</barline>'


def _first(music: str) -> str:
    return _ending("1", "start") + music + _ending("1", "stop", "right", '<repeat direction="backward"/>')


def _second(music: str) -> str:
    return _ending("2", "start") + music + _ending("2", "discontinue", "right")


def _words(words: str, sound: str) -> str:
    kind = f"<{words}/>" if words in {"segno", "coda"} else f"<words>{words}</words>"
    return f"<direction><direction-type>{kind}</direction-type><sound {sound}/></direction>"


@pytest.fixture
def played(tmp_path: Path) -> Callable[[str], Reading]:
    """Return a function that reads the text of a score as played."""

    def make(text: str) -> Reading:
        path = tmp_path / "score.musicxml"
        path.write_text(text)
        return read(path, "played")

    return make


def _names(piece: Piece) -> str:
    return "".join("z" if pitch == REST else name[0] for name, pitch in zip(piece.spelling, piece.pitch, strict=True))


def _length(piece: Piece) -> Fraction:
    return Fraction(int((piece.onset + piece.duration).max()), piece.resolution)


def _music21_parts(source: str | Path) -> list[Any]:
    score: Any = music21.converter.parse(source, format="musicxml")  # pyright: ignore[reportUnknownMemberType]
    return list(score.parts)


C, D, E, F, G = (_notes(name) for name in "CDEFG")
FINE, CAPO = _words("Fine", 'fine="yes"'), _words("D.C. al Fine", 'dacapo="yes"')
SEGNO, DAL = _words("segno", 'segno="s"'), _words("D.S. al Fine", 'dalsegno="s"')
TO_CODA, CODA = _words("To Coda", 'tocoda="c"'), _words("coda", 'coda="c"')
DAL_CODA = _words("D.S. al Coda", 'dalsegno="s"')

SCORES = {
    "as written": ([FOUR + C, D], "CD"),
    "repeat": ([FOUR + C, OPENS + D + CLOSES, E], "CDDE"),
    "repeat from the beginning": ([FOUR + C, D + CLOSES, E], "CDCDE"),
    "two repeats": ([FOUR + OPENS + C + CLOSES, OPENS + D + CLOSES, E], "CCDDE"),
    "repeat from the repeat before": ([FOUR + C + CLOSES, D, E + CLOSES], "CCDEDE"),
    "endings": ([FOUR + OPENS + C, _first(D), _second(E), F], "CDCEF"),
    "endings of two bars": (
        [
            FOUR + C,
            _ending("1", "start") + D,
            E + _ending("1", "stop", "right", '<repeat direction="backward"/>'),
            _ending("2", "start") + F,
            G + _ending("2", "discontinue", "right"),
        ],
        "CDECFG",
    ),
    "three times": ([FOUR + OPENS + C + CLOSES.replace('"backward"', '"backward" times="3"'), D], "CCCD"),
    "da capo al fine": ([FOUR + C, D + FINE, E, F + CAPO], "CDEFCD"),
    "dal segno al fine": ([FOUR + C, SEGNO + D, E + FINE, F + DAL], "CDEFDE"),
    "dal segno al coda": ([FOUR + C, SEGNO + D + TO_CODA, E, F + DAL_CODA, CODA + G], "CDEFDG"),
}
"""Bars of scores with one part, and the order in which they are played."""


@pytest.mark.parametrize("name", SCORES)
def test_scores_written_by_hand(played: Callable[[str], Reading], name: str) -> None:
    bars, order = SCORES[name]
    (piece,) = played(_score(bars)).pieces
    assert _names(piece) == order


NESTED = "repeat from the repeat before"
"""For this score music21 goes back to the beginning, and repeats the first section again: CCDECCDE."""


@pytest.mark.parametrize("name", [name for name in SCORES if name != NESTED])
def test_music21_plays_the_same_order(name: str) -> None:
    bars, order = SCORES[name]
    expanded = _music21_parts(_score(bars))[0].expandRepeats()
    assert "".join(note.name for note in expanded.recurse().notes) == order


BACK = '<repeat direction="backward"/>'


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        (  # one ending for two passes
            [
                FOUR + C,
                _ending("1, 2", "start") + D + _ending("1, 2", "stop", "right", BACK),
                _ending("3", "start") + E + _ending("3", "stop", "right"),
                F,
            ],
            "CDCDCEF",
        ),
        (  # a sign within an ending does not end it
            [
                FOUR + C,
                _ending("1", "start") + D + "<sound tocoda='c'/>",
                E + _ending("1", "stop", "right", BACK),
                F,
            ],
            "CDECF",
        ),
        # no repeats after the da capo
        ([FOUR + C + CLOSES, D + FINE, E + CLOSES + _words("", 'dacapo="yes"')], "CCDEDECD"),
        ([FOUR + C + _words("D.C.", 'dacapo="no" fine=""'), D], "CD"),
        ([FOUR + C, _words("", 'forward-repeat="yes"') + D + CLOSES, E], "CDDE"),
        ([FOUR + C, f'<barline location="left">{BACK}</barline>' + D], "CCD"),
        ([FOUR + C, _ending("", "start") + D + _ending("", "stop", "right"), E], "CDE"),
    ],
)
def test_marks_that_music21_does_not_read(played: Callable[[str], Reading], bars: list[str], order: str) -> None:
    (piece,) = played(_score(bars)).pieces
    assert _names(piece) == order


def test_a_repeated_pickup_completes_the_bar_before_it(played: Callable[[str], Reading]) -> None:
    bars = [FOUR + OPENS + _notes("E", 2), _notes("ABCD"), _notes("EFG", 6) + CLOSES, _notes("A", 2), _notes("CDEF")]
    (piece,) = played(_score(bars)).pieces
    assert (_names(piece), piece.heading.pickup, _length(piece)) == ("EABCDEFG" * 2 + "ACDEF", 1, 21)


def test_a_mark_of_one_part_applies_to_all(played: Callable[[str], Reading]) -> None:
    upper, lower = played(_score([FOUR + C, D + CLOSES, E], [FOUR + _notes("EF"), G, _notes("AB")])).pieces
    assert (_names(upper), _names(lower)) == ("CDCDE", "EFGEFGAB")


def test_voices_ties_grace_notes_and_signatures_are_expanded(played: Callable[[str], Reading]) -> None:
    grace = "<note><grace/><pitch><step>B</step><octave>4</octave></pitch></note>"
    tied = _notes("CD").replace("<duration>4</duration></note>", '<duration>4</duration><tie type="start"/></note>')
    three = (
        "<attributes><key><fifths>1</fifths></key><time><beats>3</beats><beat-type>4</beat-type></time></attributes>"
    )
    second = "<backup><duration>8</duration></backup>" + _notes("G").replace("</note>", "<voice>2</voice></note>")
    first = tied.replace("</note>", "<voice>1</voice></note>")
    bars = [FOUR + OPENS + first + second, three + _notes("DFE", 6) + grace + CLOSES, _notes("G", 6)]
    upper, lower = played(_score(bars)).pieces
    assert _names(upper) == "CDFEBCDFEBG"
    assert [Fraction(int(duration), upper.resolution) for duration in upper.duration] == [
        2,
        3,
        1,
        1,
        0,
        2,
        3,
        1,
        1,
        0,
        3,
    ]
    assert _names(lower) == "GzG"
    assert [tuple(metre) for metre in upper.heading.metres] == [(0, 4, 4), (4, 3, 4), (7, 4, 4), (11, 3, 4)]
    assert [(key.onset, key.tonic) for key in upper.heading.keys] == [(4, 7), (11, 7)]


def test_too_many_repetitions_are_rejected(played: Callable[[str], Reading]) -> None:
    often = CLOSES.replace('"backward"', '"backward" times="101"')
    (unread,) = played(_score([FOUR + C + often])).unread
    assert unread.reason == "a section is played at most 100 times: a repeat or an ending asks for 101"


def _music21_notes(part: Any) -> list[tuple[Fraction, int]]:
    """Return the onset and the top pitch of each note that is not tied to the previous one.

    A tie into two endings is marked as stopping only in the first one, but applies to both.
    """
    notes: list[tuple[Fraction, int]] = []
    tied = -1  # pitch of the previous note if it is tied
    for note in part.flatten().notes:
        top = max(note.notes if note.isChord else [note], key=lambda member: member.pitch.ps)
        if note.duration.isGrace:
            continue
        if top.pitch.midi != tied:
            notes.append((Fraction(note.offset).limit_denominator(65535), top.pitch.midi))
        tied = top.pitch.midi if top.tie is not None and top.tie.type in {"start", "continue"} else -1
    return notes


@pytest.mark.parametrize("chorale", ["bwv8.6", "bwv104.6", "bwv113.8", "bwv391"])  # the first two with endings
def test_chorales_are_expanded_as_by_music21(chorale: str) -> None:
    path = corpora()["chorales"].folder / f"{chorale}.mxl"
    played = read(path, "played").pieces
    assert _length(played[0]) > _length(read(path).pieces[0])
    for piece, part in zip(played, _music21_parts(path), strict=True):
        notes = [
            (Fraction(int(onset), piece.resolution), int(pitch))
            for onset, pitch, duration in zip(piece.onset, piece.pitch, piece.duration, strict=True)
            if pitch != REST and duration
        ]
        assert notes == _music21_notes(part.expandRepeats()), piece.heading.part
