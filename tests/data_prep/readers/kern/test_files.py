"""Tests of the kern reader: spines that split, merge, exchange and end, durations, and errors."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import music21
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.readers.kern import files as kern
from data_prep.readers.notes import Note, Piece
from data_prep.readers.scores import read

Rows = list[tuple[int, Fraction]]


@pytest.fixture
def score(tmp_path: Path) -> Callable[[str], tuple[Piece, ...]]:
    """Return a function that reads a kern text with columns separated by spaces."""

    def make(text: str) -> tuple[Piece, ...]:
        path = tmp_path / "score.krn"
        path.write_text("\n".join("\t".join(line.split()) for line in text.strip().splitlines()) + "\n")
        reading = read(path)
        assert not reading.unread
        return reading.pieces

    return make


def _sounds(piece: Piece) -> Rows:
    return [
        (int(pitch), Fraction(int(duration), piece.resolution))
        for pitch, duration in zip(piece.pitch, piece.duration, strict=True)
    ]


def test_a_split_within_a_split_keeps_all_notes(score: Callable[[str], tuple[Piece, ...]]) -> None:
    pieces = score(
        "**kern\n=1\n*^\n2g 2c\n*^ *\n2a 2f 2d\n*v *v *\n=2 =2\n1b 1e\n*v *v\n=3\n1cc\n*-".replace(" ", "\t")
    )
    assert [_sounds(piece) for piece in pieces] == [
        [(67, 2), (69, 2), (71, 4), (72, 4)],
        [(60, 2), (62, 2), (64, 4)],
        [(-1, 2), (65, 2)],
    ]
    assert [piece.heading.part for piece in pieces] == ["part 1, voice 1", "part 1, voice 2", "part 1, voice 3"]


def test_three_spines_that_merge_at_once_keep_all_notes(score: Callable[[str], tuple[Piece, ...]]) -> None:
    pieces = score("**kern\n*^\n* *^\n1e 2g 4b\n. . 4cc\n. 2a 4dd\n. . 4ee\n*v *v *v\n1c\n*-")
    assert [_sounds(piece) for piece in pieces] == [
        [(64, 4), (60, 4)],
        [(67, 2), (69, 2)],
        [(71, 1), (72, 1), (74, 1), (76, 1)],
    ]


def test_two_staves_merge_their_own_spines_on_one_line(score: Callable[[str], tuple[Piece, ...]]) -> None:
    pieces = score("**kern **kern\n*^ *^\n1C 1E 1c 1e\n*v *v *v *v\n1D 1d\n*- *-")
    assert [_sounds(piece) for piece in pieces] == [[(60, 4), (62, 4)], [(64, 4)], [(48, 4), (50, 4)], [(52, 4)]]


def test_spines_begin_late_end_early_and_change_places(
    score: Callable[[str], tuple[Piece, ...]],
) -> None:
    pieces = score("**kern **text\n4c la\n*+ *\n* **kern *\n*x *x *\n4f 4d li\n*- * *\n4e lu\n*- *-")
    assert [(piece.heading.part, _sounds(piece)) for piece in pieces] == [
        ("part 1", [(-1, 1), (65, 1)]),
        ("part 2", [(60, 1), (62, 1), (64, 1)]),
    ]


def test_a_line_begins_when_the_shortest_note_ends(score: Callable[[str], tuple[Piece, ...]]) -> None:
    # the right half of the split spine begins after a quarter note, with the second note of the other staff
    pieces = score("**kern **kern\n*^ *\n2c 4r 4g\n. 4d 4a\n*v *v *\n*- *-")
    assert [_sounds(piece) for piece in pieces] == [[(67, 1), (69, 1)], [(60, 2)], [(-1, 1), (62, 1)]]


@pytest.mark.parametrize(
    ("token", "duration"),
    [("4.c", "3/2"), ("4..c", "7/4"), ("0c", "8"), ("00.c", "24"), ("000c", "32"), ("12c", "1/3"), ("3%2c", "8/3")],
)
def test_durations_are_exact(score: Callable[[str], tuple[Piece, ...]], token: str, duration: str) -> None:
    (piece,) = score(f"**kern\n{token}\n4r\n4d\n*-")
    assert _sounds(piece)[0] == (60, Fraction(duration))


def test_names_signatures_notes_and_ties_of_a_column(tmp_path: Path, rows: Callable[[Piece], list[Note]]) -> None:
    path = tmp_path / "clarinet.krn"
    path.write_text(
        "!!!OTL: A tune\n!!!COM: One\n!!!COM: Two\n**kern\t**dynam\n*Iclars\t*\n*ITrd1c2\t*\n*k[b-]\t*\n*d:\t*\n"
        "*M3/4\t*\n*M0/0\t*\n8qff\t.\n[2c 2e\tf\n4c]\tp\n=1\t=1\n4d#\t.\n[4f [4a-\t.\n4f] 4a-]\t.\n==\t==\n*-\t*-\n"
    )
    (piece,) = read(path).pieces
    heading = piece.heading
    assert (heading.title, heading.composer, heading.part) == ("A tune", "One and Two", "")
    assert [metre[1:] for metre in heading.metres] == [(3, 4)]
    assert [key[1:] for key in heading.keys] == [(2, "minor")]
    assert [(note.spelling, note.duration, note.chord_size, note.tied) for note in rows(piece)] == [
        ("F5", 0, 1, False),
        ("E4", 2, 2, False),  # the top note is not tied
        ("C4", 1, 1, False),
        ("D#4", 1, 1, False),
        ("A-4", 2, 2, False),
    ]


@pytest.mark.parametrize(
    ("text", "pickup"),
    [
        ("4g =1 1c =2 1d ==", 1),
        ("=1 4g =2 1c =3 1d ==", 1),
        ("4g =1 2.c ==", 1),  # bar 1 begins after it: a pickup and its complement
        ("=1 4g =:|! 2.c =2 1d ==", 0),  # a repeat within bar 1
        ("=1 4g = 2.c = 1d ==", 0),
        ("=1 1g =2 1c ==", 0),
    ],
)
def test_a_first_bar_in_two_halves_is_not_a_pickup(
    score: Callable[[str], tuple[Piece, ...]], text: str, pickup: int
) -> None:
    (piece,) = score("\n".join(["**kern", "*M4/4", *text.split(), "*-"]))
    assert piece.heading.pickup == pickup


def test_an_invalid_score_does_not_affect_the_others_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mass.krn"
    path.write_text("!!!OTL: Mass\n**kern\t**kern\n1c\t1e\n*-\t*-\n**kern\n4\n*-\n!! Hosanna\n**kern\n1g\n*-\n")
    reading = read(path)
    assert [(piece.heading.tune, piece.heading.title, _sounds(piece)) for piece in reading.pieces] == [
        ("1", "Mass", [(64, 4)]),
        ("1", "Mass", [(60, 4)]),
        ("3", "Mass", [(67, 4)]),
    ]
    assert [(unread.tune, unread.reason) for unread in reading.unread] == [
        ("2", "line 6: '4' is neither a note nor a rest")
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("4c\n", "it is not a kern file: line 1 must name the types of its columns, as **kern"),
        ("!! nothing\n", "it is not a kern file: no line begins with **kern"),
        ("**text\nla\n*-\n", "there are no notes in it"),
        ("**kern\n4c\n", "it is cut short: no line of *- ends its columns"),
        ("**kern\n4c\t4e\n*-\n", "line 2: it has 2 columns instead of 1"),
        ("**kern\t**kern\n2c\t4e\n4d\t4f\n*-\t*-\n", "line 3: '4d' is at quarter 1, but its column sounds until 2"),
        ("**kern\t**kern\n*v\t*\n*-\t*-\n", "line 2: *v must be in two or more adjacent columns, which it merges"),
        ("**kern\t**kern\n*x\t*\n*-\t*-\n", "line 2: *x must be in two columns, which it exchanges: it is in 1"),
        ("**kern\n**text\n*-\n", "line 2: a column of type '**kern' cannot change to '**text'"),
        ("**kern\ncc\n*-\n", "line 2: 'cc' has no duration"),
        ("**kern\n0000c\n*-\n", "line 2: '0000c' has an invalid duration"),
        ("**kern\n4.....c\n*-\n", "line 2: '4.....c' has an invalid duration"),
        ("**kern\n4%0c\n*-\n", "line 2: '4%0c' has an invalid duration"),
        ("**kern\n4cccccccc\n*-\n", "line 2: '4cccccccc' has an invalid pitch"),
        ("**kern\n4c#####\n*-\n", "line 2: '4c#####' has an invalid pitch"),
        ("**kern\n1%999999c\n*-\n", "line 2: music of at most 1000000 quarter notes is read: it lasts 4e+06"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.krn"
    path.write_text(text)
    (unread,) = read(path).unread
    assert unread.reason == reason


def test_durations_without_a_common_unit_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "primes.krn"
    path.write_text("**kern\n" + "".join(f"{prime}c\n" for prime in (65521, 65519, 65497)) + "*-\n")
    (unread,) = read(path).unread
    assert unread.reason == "line 3: the common denominator of the durations so far is more than 2147483648"


def test_too_many_columns_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "wide.krn"
    path.write_text("**kern\n" + "".join("\t".join(["*^"] * 2**power) + "\n" for power in range(12)))
    (unread,) = read(path).unread
    assert unread.reason == f"line 10: at most {kern.MAX_SPINES} columns are read, 512 are open"
    path.write_text("\t".join(["**kern"] * 1000))
    (unread,) = read(path).unread
    assert unread.reason == f"at most {kern.MAX_SPINES} columns are read, 1000 are open"


@pytest.mark.parametrize("name", ["bach/bwv281.krn", "palestrina/Gloria_73_d.krn", "palestrina/Agnus_I_45.krn"])
def test_total_durations_by_pitch_match_music21(name: str) -> None:
    path = Path(music21.__file__).parent / "corpus" / name
    convert: Any = music21.converter
    parts = convert.parse(path, forceSource=True, storePickle=False)
    expected: dict[int, Fraction] = {}
    for note in parts.recurse().notes:
        expected[note.pitch.midi] = expected.get(note.pitch.midi, Fraction(0)) + Fraction(note.quarterLength)
    durations: dict[int, Fraction] = {}
    for piece in read(path).pieces:
        for pitch, duration in _sounds(piece):
            durations[pitch] = durations.get(pitch, Fraction(0)) + duration
    durations.pop(-1, None)
    assert durations == expected


@dataclass
class _Line:
    """A spine of a generated score: its staff and voice, and the time from which it is free."""

    staff: int
    voice: int
    free: Fraction = Fraction(0)


@dataclass
class _Expected:
    """A generated kern score, and the (onset, duration, pitch) of the notes of each voice."""

    lines: list[_Line]
    text: list[str]
    notes: dict[tuple[int, int], list[tuple[Fraction, Fraction, int]]] = field(default_factory=dict)

    def play(self, draw: st.DrawFn, until: Fraction) -> None:
        """Fill a bar: at each time, every free spine begins a note or a rest."""
        now = min(line.free for line in self.lines)
        while now < until:
            columns: list[str] = []
            for line in self.lines:
                if line.free > now:
                    columns.append(".")
                    continue
                number, letter = draw(st.sampled_from([4, 8, 6, 2])), draw(st.sampled_from("cdefgr"))
                duration = min(Fraction(4, number), until - now)
                unit = duration / 4
                columns.append(f"{unit.denominator}%{unit.numerator}{letter}")
                if letter != "r":
                    pitch = {"c": 60, "d": 62, "e": 64, "f": 65, "g": 67}[letter]
                    self.notes.setdefault((line.staff, line.voice), []).append((now, duration, pitch))
                line.free = now + duration
            self.text.append("\t".join(columns))
            now = min(line.free for line in self.lines)

    def split(self, index: int) -> None:
        line = self.lines[index]
        self.text.append("\t".join("*^" if at == index else "*" for at in range(len(self.lines))))
        used = {other.voice for other in self.lines if other.staff == line.staff}
        self.lines.insert(index + 1, _Line(line.staff, min(set(range(1, 99)) - used), line.free))

    def merge(self, begin: int, end: int) -> None:
        self.text.append("\t".join("*v" if begin <= at < end else "*" for at in range(len(self.lines))))
        kept = min(self.lines[begin:end], key=lambda line: line.voice)
        self.lines[begin:end] = [kept]


@st.composite
def _scores(draw: st.DrawFn) -> _Expected:
    staves = draw(st.integers(1, 2))
    score = _Expected([_Line(staff, 1) for staff in range(staves)], ["\t".join(["**kern"] * staves)])
    for bar in range(1, draw(st.integers(2, 5))):
        for _ in range(draw(st.integers(0, 2))):
            begin = draw(st.integers(0, len(score.lines) - 1))
            end = begin + 1
            while end < len(score.lines) and score.lines[end].staff == score.lines[begin].staff and draw(st.booleans()):
                end += 1
            if end - begin > 1:
                score.merge(begin, end)
            else:
                score.split(begin)
        score.play(draw, Fraction(2 * bar))
    score.text.append("\t".join(["*-"] * len(score.lines)))
    return score


@settings(max_examples=60, deadline=None)
@given(score=_scores())
def test_all_notes_of_generated_scores_are_read(tmp_path_factory: pytest.TempPathFactory, score: _Expected) -> None:
    path = tmp_path_factory.mktemp("kern") / "score.krn"
    path.write_text("\n".join(score.text) + "\n")
    expected = [
        [(onset - notes[0][0] // 4 * 4, duration, pitch) for onset, duration, pitch in notes]
        for _, notes in sorted(score.notes.items(), key=lambda item: (-item[0][0], item[0][1]))
    ]
    notes = [
        [
            (Fraction(int(onset), piece.resolution), Fraction(int(duration), piece.resolution), int(pitch))
            for onset, duration, pitch in zip(piece.onset, piece.duration, piece.pitch, strict=True)
            if pitch >= 0
        ]
        for piece in read(path).pieces
    ]
    assert notes == expected


_WORDS = (
    "*^",
    "*v",
    "*x",
    "*+",
    "*-",
    "*",
    "**kern",
    "**text",
    ".",
    "4c",
    "[2d",
    "8qe",
    "2f 2a",
    "1r",
    "4",
    "=1",
    "!",
    "0c",
)


@settings(max_examples=200, deadline=None)
@given(lines=st.lists(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=3), max_size=8))
def test_any_text_is_read_or_rejected_with_a_reason(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("kern") / "score.krn"
    path.write_text("\n".join(["**kern", *("\t".join(line) for line in lines), "*-"]))
    reading = read(path)
    assert reading.pieces or reading.unread
    assert not any("Error" in unread.reason or "\n" in unread.reason for unread in reading.unread)
