"""Tests of damaged files of every format: each is rejected with a reason, or read as valid music, within limits."""

import re
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from data_prep.corpora.named import resolve
from data_prep.errors import BadInputError
from data_prep.melodies.assembly import positions
from data_prep.performances import files as performance_files
from data_prep.performances import reader as performance
from data_prep.performances import scores
from data_prep.performances.arrays import Performance
from data_prep.pitches import REST
from data_prep.randomness import stream
from data_prep.readers import beats
from data_prep.readers.bounded import Bounds, Failure, FileReader, read_each
from data_prep.readers.midi.chunks import read_chunks
from data_prep.readers.notes import Piece
from data_prep.readers.scores import read, reader
from tests.hand_midi import midi, strike
from tests.hand_midi import performance as played

ABC = b"""X:1
T:One
C:Trad.
M:6/8
L:1/8
Q:1/4=90
K:Bbm
P:A
d|:{c}B2A "F"[DFB]3|(3ABc d>e^f2|1 z3 !trill!G3:|2 c'6-|c'2 A,4|]

X:2
T:Two voices
M:2+3/8
L:1/4
K:Gdor
V:1
GABc dB/2A/4x/4|[K:D][M:4/4]d4|Z2|e2f2|
V:2 octave=-1
G4-|G2D2|z4|
w:words for the notes
"""
KERN = b"""!!!OTL:One
**kern\t**kern
*clefF4\t*clefG2
*k[b-]\t*k[b-]
*F:\t*F:
*M3/4\t*M3/4
=1\t=1
4F\t8.a
.\t16b-
4C\t4cc 4ee
*\t*^
2F;\t4r\t8f
.\t.\t8g
.\t[4a\t4f
*\t*v\t*v
=2\t=2
2.C\t4a]
.\t6ccq
.\t2cc
==\t==
*-\t*-
"""
MUSICXML = b"""<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1">
<work><work-title>One</work-title></work>
<part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>
<part id="P1">
<measure number="0" implicit="yes"><attributes><divisions>4</divisions><key><fifths>-1</fifths><mode>major</mode></key>
<time><beats>3</beats><beat-type>4</beat-type></time><transpose><chromatic>-2</chromatic></transpose></attributes>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration><voice>1</voice><type>quarter</type></note>
</measure>
<measure number="1">
<note><grace/><pitch><step>D</step><octave>5</octave></pitch><voice>1</voice><type>eighth</type></note>
<note><pitch><step>F</step><alter>1</alter><octave>5</octave></pitch><duration>8</duration><tie type="start"/>
<voice>1</voice><type>half</type></note>
<note><chord/><pitch><step>A</step><octave>4</octave></pitch><duration>8</duration><voice>1</voice><type>half</type></note>
<note><rest/><duration>4</duration><voice>1</voice><type>quarter</type></note>
<backup><duration>12</duration></backup>
<note><pitch><step>F</step><octave>4</octave></pitch><duration>4</duration><voice>2</voice><type>quarter</type></note>
<forward><duration>4</duration></forward>
</measure>
</part>
</score-partwise>
"""
INDEX = b"file,genre,composer,title\na.mid,jazz,Ann,Rag\nb.mid,rock,,\n"
ANNOTATIONS = b"0.5\t0.5\tdb,4/4,-1\n1.0\t1.0\tb\n1.5\t1.5\tb\n2.1\t2.1\tb\n2.6\t2.6\tdb\n"


def _score() -> bytes:
    meta = [(0, b"\xff\x58\x04\x03\x02\x18\x08"), (0, b"\xff\x59\x02\xfe\x01"), (0, b"\xff\x51\x03\x07\xa1\x20")]
    notes = [event for at in range(6) for event in strike(60 + at, 120 * at, 120 * at + 100 + 10 * at)]
    chord = [event for pitch in (48, 52, 55) for event in strike(pitch, 240, 720, channel=2)]
    return midi([*meta, (0, b"\xff\x03\x03One")], [*notes, (360, b"\xff\x58\x04\x02\x02\x18\x08")], chord)


def _zipped(score: bytes) -> bytes:
    container = b'<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("META-INF/container.xml", container)
        file.writestr("score.xml", score)
    return buffer.getvalue()


INTACT: Mapping[str, bytes] = {
    "score.abc": ABC,
    "score.mid": _score(),
    "score.krn": KERN,
    "score.xml": MUSICXML,
    "score.mxl": _zipped(MUSICXML),
    "performance.mid": played(1, length=12),
    "piano.xml": MUSICXML.replace(b"Flute", b"Piano").replace(
        b"<note>",
        b'<direction><direction-type><dynamics><f/></dynamics></direction-type><sound tempo="90"/></direction><note>',
    ),
    "played.abc": ABC.replace(b"Z2|", b":|[1 Z2:|2").replace(b"P:A", b"P:A2", 1),
    "played.krn": KERN.replace(b"=2\t=2", b"=:|!|:\t=:|!|:").replace(b"==\t==", b"=:|!\t=:|!"),
    "played.xml": MUSICXML.replace(
        b"</measure>", b'<barline><repeat direction="backward" times="3"/></barline></measure>'
    ),
}
NUMBERS = (b"0", b"-1", b"1", b"3", b"127", b"128", b"255", b"65536", b"2147483648", b"99999999999999999999", b"1e9")
BOUNDS = Bounds(seconds=1, memory=256 * 2**20)


def mutant(name: str, random: np.random.Generator) -> bytes:
    """Damage a file in one to three places. Of MIDI files and archives, damage half within tracks and scores."""
    data = INTACT[name]
    inside = bool(random.integers(2))
    if name == "score.mxl" and inside:
        return _zipped(_damaged(MUSICXML, random))
    if name.endswith(".mid") and inside:
        tracks = [_damaged(data[begin:end], random) for begin, end in read_chunks(data).tracks]
        return data[:14] + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)
    return _damaged(data, random)


def _damaged(data: bytes, random: np.random.Generator) -> bytes:
    for _ in range(int(random.integers(1, 4))):
        damage = DAMAGES[int(random.integers(len(DAMAGES)))]
        data = damage(data, random) if data else data
    return data


def _span(data: bytes, random: np.random.Generator, longest: int = 24) -> tuple[int, int]:
    begin = int(random.integers(len(data)))
    return begin, begin + int(random.integers(1, longest))


def _flip(data: bytes, random: np.random.Generator) -> bytes:
    at = int(random.integers(len(data)))
    return data[:at] + bytes([data[at] ^ 1 << int(random.integers(8))]) + data[at + 1 :]


def _truncate(data: bytes, random: np.random.Generator) -> bytes:
    return data[: int(random.integers(len(data)))]


def _insert(data: bytes, random: np.random.Generator) -> bytes:
    at, end = _span(data, random)
    return data[:at] + random.bytes(end - at) + data[at:]


def _delete(data: bytes, random: np.random.Generator) -> bytes:
    begin, end = _span(data, random)
    return data[:begin] + data[end:]


def _repeat(data: bytes, random: np.random.Generator) -> bytes:
    begin, end = _span(data, random, len(data) + 1)
    return data[:end] + data[begin:end] * int(random.integers(1, 9)) + data[end:]


def _move(data: bytes, random: np.random.Generator) -> bytes:
    begin, end = _span(data, random)
    left = data[:begin] + data[end:]
    at = int(random.integers(len(left) + 1))
    return left[:at] + data[begin:end] + left[at:]


def _without_element(data: bytes, random: np.random.Generator) -> bytes:
    """Remove or repeat an XML element, so that the file stays well-formed, or in other files a line."""
    elements = list(re.finditer(rb"<(\w[\w-]*)[^>]*>[^<]*</\1>|<note>.*?</note>", data, re.DOTALL))
    elements = elements or list(re.finditer(rb".*\n", data))
    if not elements:
        return data
    element = elements[int(random.integers(len(elements)))]
    return data[: element.start()] + element.group() * int(random.choice([0, 0, 2, 40])) + data[element.end() :]


def _renumber(data: bytes, random: np.random.Generator) -> bytes:
    numbers = list(re.finditer(rb"\d+", data))
    if not numbers:
        return data
    number = numbers[int(random.integers(len(numbers)))]
    return data[: number.start()] + NUMBERS[int(random.integers(len(NUMBERS)))] + data[number.end() :]


DAMAGES: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    _flip,
    _truncate,
    _insert,
    _delete,
    _repeat,
    _move,
    _without_element,
    _without_element,
    _renumber,
    _renumber,
    _renumber,
)


def look(path: Path) -> tuple[int, list[str]]:
    """Read and check a file; return the number of its notes, and the reasons of what could not be read."""
    if path.parent.name == "performance.mid":
        file = performance.read(path.read_bytes())
        check_performance(file.performance)
        return file.performance.num_notes, []
    if path.parent.name == "piano.xml":
        score = scores.convert(path, "played")
        file = performance.read(score.midi)
        check_performance(file.performance)
        assert all(
            len(marked) == file.performance.num_notes for marked in score.markings.of_notes(file.performance).values()
        )
        return file.performance.num_notes, []
    reading = read(path, "played" if path.parent.name.startswith("played") else "written")
    for piece in reading.pieces:
        check_piece(piece)
    return sum(piece.num_sounding for piece in reading.pieces), [unread.reason for unread in reading.unread]


def check_piece(piece: Piece) -> None:
    assert piece.num_sounding > 0
    assert np.all((piece.pitch == REST) | (piece.pitch >= 0))
    assert np.array_equal(piece.pitch == REST, piece.chord_size == 0)
    timed = piece.duration > 0
    assert np.all(piece.duration >= 0)
    onset, end = piece.onset[timed], (piece.onset + piece.duration)[timed]
    assert np.array_equal(onset[1:], end[:-1]), "gaps or overlaps"
    assert np.all(np.diff(piece.onset) >= 0)
    assert onset[0] == 0
    _, place, resolution = positions(piece)
    assert np.all(place >= 0)
    assert resolution > 0
    onsets = [metre.onset for metre in piece.heading.metres]
    assert all(before < after for before, after in pairwise(onsets))


def check_performance(played: Performance) -> None:
    assert np.all(played.duration > 0)
    assert np.all((played.velocity >= 1) & (played.velocity <= 127))
    assert np.all((played.pitch >= 0) & (played.pitch <= 127))
    assert np.all(np.diff(played.tick) >= 0)
    for times in (played.onset, played.duration, played.seconds):
        assert np.all(np.isfinite(times))


def needs(path: Path) -> tuple[str, ...]:
    return (
        {"performance.mid": performance.__name__, "piano.xml": scores.__name__}.get(path.parent.name) or reader(path),
    )


def _write(folder: Path, name: str, count: int) -> list[Path]:
    random = stream(0, f"mutants of {name}")
    (folder / name).mkdir()
    paths = [folder / name / f"{number:04}{Path(name).suffix}" for number in range(count)]
    for path in paths:
        path.write_bytes(mutant(name, random))
    return paths


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("score.abc", 2000),
        ("score.mid", 3000),
        ("score.krn", 1500),
        ("score.xml", 600),
        ("score.mxl", 300),
        ("performance.mid", 2000),
        ("piano.xml", 600),
        ("played.abc", 1000),
        ("played.krn", 800),
        ("played.xml", 300),
    ],
)
def test_a_damaged_file_is_rejected_with_a_reason_or_read_as_music(name: str, count: int, tmp_path: Path) -> None:
    unbounded: list[tuple[Path, str]] = []
    num_read = 0
    for path, answer in read_each(FileReader(look, needs), _write(tmp_path, name, count), bounds=BOUNDS):
        if isinstance(answer, Failure) and answer.passing:
            unbounded.append((path, answer.reason))
            continue
        if isinstance(answer, Failure):  # from the reader of performances, or from a check
            reasons = [answer.reason]
            assert not re.search("cannot be read as (?!music: LookupError: unknown encoding)", answer.reason), path
        else:
            num_notes, reasons = answer
            num_read += num_notes > 0
            assert num_notes or reasons, path
        for reason in reasons:
            assert reason, path
            assert "\n" not in reason, path
            assert not re.match(r"\w*(Error|Exception)\b", reason), path
    assert num_read > count / 20, "too few damaged files can be read for a useful test"
    assert unbounded == []


def test_a_damaged_index_is_rejected_in_one_line_or_names_existing_files(tmp_path: Path) -> None:
    random = stream(0, "mutants of an index")
    for name in ("a.mid", "b.mid"):
        (tmp_path / name).write_bytes(INTACT["performance.mid"])
    num_read, reasons = 0, list[str]()
    for _ in range(500):
        (tmp_path / performance_files.INDEX).write_bytes(_damaged(INDEX, random))
        try:
            entries = performance_files.entries(resolve(str(tmp_path)))
        except BadInputError as error:
            reasons.append(str(error))
            continue
        num_read += 1
        assert all(entry.path.is_file() and entry.style for entry in entries)
    assert num_read
    assert not [text for text in reasons if "\n" in text]


def test_damaged_beats_are_rejected_in_one_line_or_ascend() -> None:
    random = stream(0, "mutants of beats")
    second = np.linspace(-1, 9, 30)
    num_read, reasons = 0, list[str]()
    for _ in range(1000):
        text = _damaged(ANNOTATIONS, random).decode("utf-8", "replace")
        try:
            annotated = beats.read(text)
        except ValueError as error:
            reasons.append(str(error))
            continue
        num_read += 1
        (quarters,) = annotated.quarters(second)
        assert np.all(np.isfinite(quarters))
        assert np.all(quarters >= 0)
        assert np.all(np.diff(quarters) > 0)
    assert num_read
    assert not [text for text in reasons if "\n" in text or "annotat" not in text]
