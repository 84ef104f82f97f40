"""Preparation of MusicXML for music21: numbers are checked, and cue notes are replaced by rests.

Without it, music21 may take arbitrarily long, because it loops over the sharps of a key signature and the octaves of a
pitch. It would also include cue notes, and split a voice that changes between the staves of its part in two.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement

from data_prep.limits import check_length, is_metre
from data_prep.readers.musicxml.files import read_xml
from data_prep.readers.musicxml.repeats import MARKS, take_turns
from data_prep.readers.notes import Repeats
from data_prep.readers.repeats import Turn

MAX_DIVISIONS = 65535
"""Maximum number of divisions of a quarter note: music21's lengths are exact up to this denominator."""

# fmt: off
_UNNEEDED = frozenset({
    "appearance", "barline", "beam", "bookmark", "clef", "credit", "defaults", "direction", "display-octave",
    "display-step", "editorial", "figured-bass", "footnote", "grouping", "harmony", "level", "link", "listen",
    "listening", "lyric", "measure-style", "miscellaneous", "notations", "notehead", "notehead-text", "part-group",
    "part-symbol", "play", "print", "sound", "staff-details", "stem", "supports", "time-modification",
})
# fmt: on
"""Elements of layout and playback; the length of a note is its <duration>, not its dots and tuplets."""

_NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?")
_ALTER = re.compile(r"[+-]?\d(\.\d{1,6})?")
_WHOLE = re.compile(r"[+-]?\d{1,6}")
_BOUNDS = {
    "alter": (-4, 4),
    "chromatic": (-60, 60),
    "diatonic": (-35, 35),
    "fifths": (-14, 14),
    "octave": (-1, 10),
    "octave-change": (-5, 5),
    "staff": (1, 20),
    "staves": (0, 20),
}
"""(minimum, maximum) of the numbers over which music21 loops."""

_IF_EMPTY = {"alter": "0", "staff": "1"}
"""Values of empty elements, which some programs write."""

MAX_SIGNS = 100_000
"""Maximum number of parts, bars and signatures of one file: music21 takes 0.2 ms and 5 KB for each."""

_ROUNDING = 1e-6  # tolerance of times (quarter notes), far below 1 / MAX_DIVISIONS
_STEPS = set("ABCDEFG")
_PlacedNote: TypeAlias = tuple[int, float, float, Element]  # bar, begin and end (quarter notes), <staff>
_SIGNS = {"key", "measure", "midi-instrument", "part", "score-instrument", "score-part", "time", "transpose"}


@dataclass(frozen=True)
class Score:
    """A score prepared for music21.

    Attributes:
        root: The element score-partwise.
        num_notes: Number of notes with a pitch, including those of chords.
        announced: Whether the first bar is marked as partial.
        continued: Whether the second bar is marked as the rest of the first.
        turns: Turns by number of measures before them, the last one at the end of the score; empty if repeats are read
            as written.
    """

    root: Element
    num_notes: int
    announced: bool
    continued: bool
    turns: dict[int, Turn]


def load(path: Path, repeats: Repeats = "written", kept: AbstractSet[str] = frozenset()) -> Score:
    """Load and prepare a score.

    Args:
        path: A MusicXML file or archive.
        repeats: How to read repeats.
        kept: Names of elements to keep that music21 need not see, such as "direction".

    Returns:
        The score, without cue notes.

    Raises:
        ValueError: If the file is not MusicXML or contains an invalid number.
    """
    unneeded = _UNNEEDED if repeats == "written" else _UNNEEDED - MARKS | {"direction-type"}
    root = read_xml(path, unneeded - kept)
    if root.tag != "score-partwise":
        raise ValueError(f"scores with the root <score-partwise> are read: it has <{root.tag[:50]}>")
    num_signs = sum(1 for element in root.iter() if element.tag in _SIGNS)
    if num_signs > MAX_SIGNS:
        raise ValueError(f"files of at most {MAX_SIGNS} parts, bars and signatures are read: it has {num_signs}")
    turns = take_turns(root, kept) if repeats == "played" else {}
    for part in root.iterfind("part"):
        _clean(part)
    first, second, *_ = [*root.findall("part[1]/measure"), Element("measure"), Element("measure")]
    return Score(
        root=root,
        num_notes=sum(1 for _ in root.iterfind("part/measure/note/pitch")),
        announced=_is_partial(first) or first.get("number") == "0",
        continued=_is_partial(second),
        turns=turns,
    )


def _is_partial(measure: Element) -> bool:
    return measure.get("implicit") == "yes" or measure.get("non-controlling") == "yes"


@dataclass
class _Clock:
    """The current time in a part (quarter notes).

    Attributes:
        divisions: Divisions per quarter note, None before the first <divisions>.
        begin: Beginning of the bar.
        now: Onset of the next note.
        end: End of the longest voice of the bar.
    """

    divisions: float | None = None
    begin: float = 0
    now: float = 0
    end: float = 0

    def length(self, element: Element) -> float:
        """Return how far an element moves the current time (quarter notes, negative for <backup>)."""
        text = element.findtext("duration")
        if text is None:
            return 0
        text = text.strip()
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"a duration is a number from 0 on: got {text[:20]!r}")
        if self.divisions is None:
            raise ValueError("there are durations, but no <divisions> that defines their unit")
        if element.find("grace") is not None or element.find("chord") is not None:
            return 0
        length = float(text) / self.divisions
        return -length if element.tag == "backup" else length

    def move(self, length: float) -> bool:
        """Move forward, or back to the beginning of the bar at most, and return whether that makes the bar longer."""
        self.now = max(self.now + length, self.begin)
        longer = self.now > self.end + _ROUNDING
        self.end = max(self.end, self.now)
        check_length(self.end)
        return longer


def _clean(part: Element) -> None:
    """Check the numbers of a part, and remove its cue notes and invalid metres."""
    for element in part.iter():
        _check_number(element)
    clock = _Clock()
    first_voice = _first_voice(part)
    placed: defaultdict[str, list[_PlacedNote]] = defaultdict(list)
    for bar, measure in enumerate(part.iterfind("measure")):
        measure[:] = list(_sounding(measure))
        last: Element | None = None  # the element that ends last in the bar
        for element in measure:
            begin = clock.now
            if element.tag == "attributes":
                _clean_attributes(element, clock)
            elif element.tag in {"note", "forward", "backup"} and clock.move(clock.length(element)):
                last = element
            if element.tag == "note" and (staff := element.find("staff")) is not None:
                placed[_voice(element)].append((bar, begin, clock.now, staff))
        if last is not None and last.tag == "forward":
            measure[list(measure).index(last)] = _rest(last)  # for music21 a bar ends with its last note or rest
        voices = {_voice(note) for note in measure.iterfind("note")}
        if first_voice is not None and len(voices) == 1 and first_voice not in voices:
            measure.extend(_silence(first_voice, clock))
        clock.begin = clock.now = clock.end
    for notes in placed.values():
        _join_staves(notes)


def _voice(note: Element) -> str:
    return note.findtext("voice", "1").strip()


def voice_order(name: str) -> tuple[bool, int, str]:
    """Return the sort key of the name of a voice: numbers come first, in numerical order."""
    return not name.isdigit(), len(name), name


def _first_voice(part: Element) -> str | None:
    """Return the first voice of a part, None if the part has only one, or has several staves."""
    names = {_voice(note) for note in part.iterfind("measure/note")}
    return min(names, key=voice_order) if len(names) > 1 and part.find("measure/note/staff") is None else None


def _silence(voice: str, clock: _Clock) -> Iterator[Element]:
    """Yield a voice that rests for the whole bar, so that music21 separates the voices of the bar, even an only one."""
    if clock.divisions is None or clock.end <= clock.begin:
        return
    backup, rest = Element("backup"), Element("note")
    SubElement(backup, "duration").text = f"{(clock.now - clock.begin) * clock.divisions:.9g}"
    SubElement(rest, "rest")
    SubElement(rest, "duration").text = f"{(clock.end - clock.begin) * clock.divisions:.9g}"
    SubElement(rest, "voice").text = voice
    SubElement(rest, "type").text = "quarter"
    yield from (backup, rest)


def _sounding(measure: Element) -> Iterator[Element]:
    """Yield the elements of a bar with cue notes replaced by rests; other notes of a chord with cue notes are kept."""
    rest: Element | None = None  # replaces a cue note unless another note of its chord sounds
    for element in measure:
        chord = element.find("chord")
        if element.tag == "note" and element.find("cue") is not None:
            if chord is None and element.find("grace") is None:
                if rest is not None:
                    yield rest
                rest = _rest(element)
            continue
        if rest is not None and chord is not None:
            element.remove(chord)
        elif rest is not None:
            yield rest
        rest = None
        yield element
    if rest is not None:
        yield rest


def _rest(note: Element) -> Element:
    """Return a rest as long as a note or <forward>; music21 may stretch one whose type is "whole" to a bar."""
    rest = Element("note")
    SubElement(rest, "rest")
    rest.extend(child for child in note if child.tag in {"duration", "voice", "staff"})
    SubElement(rest, "type").text = "quarter"
    return rest


def _clean_attributes(attributes: Element, clock: _Clock) -> None:
    divisions = attributes.findtext("divisions")
    if divisions is not None:
        text = divisions.strip()
        if not (_NUMBER.fullmatch(text) and 0 < float(text) <= MAX_DIVISIONS):
            raise ValueError(f"<divisions> is a positive number up to {MAX_DIVISIONS}: got {text[:20]!r}")
        clock.divisions = float(text)
    for transpose in attributes.findall("transpose"):
        if transpose.find("diatonic") is None and transpose.find("octave-change") is not None:
            chromatic = float(transpose.findtext("chromatic", "0"))
            SubElement(transpose, "diatonic").text = str(round(chromatic * 7 / 12))  # music21 needs it then
    for time in attributes.findall("time"):
        beats, units = time.findall("beats"), time.findall("beat-type")
        if len(beats) != len(units) or not all(map(_is_metre, beats, units)):
            attributes.remove(time)


def _is_metre(beats: Element, unit: Element) -> bool:
    """Return whether a metre is valid; its beats may be a sum."""
    *summands, last = [text.strip() for text in [*(beats.text or "").split("+"), unit.text or ""]]
    numbers = all(_WHOLE.fullmatch(text) for text in [*summands, last])
    return numbers and is_metre(sum(map(int, summands)), int(last))


def _check_number(element: Element) -> None:
    if element.tag in _BOUNDS:
        least, greatest = _BOUNDS[element.tag]
        text = (element.text or "").strip()
        if not text and element.tag in _IF_EMPTY:
            element.text = text = _IF_EMPTY[element.tag]
        if element.tag == "chromatic" and re.fullmatch(r"[+-]?\d+\.0+", text):
            element.text = text = text.partition(".")[0]
        number = _ALTER if element.tag == "alter" else _WHOLE
        if not (number.fullmatch(text) and least <= float(text) <= greatest):
            kind = "number" if element.tag == "alter" else "whole number"
            raise ValueError(f"<{element.tag}> is a {kind} from {least} to {greatest}: got {text[:20]!r}")
    elif element.tag == "step" and (element.text or "").strip() not in _STEPS:
        raise ValueError(f"<step> is a letter from A to G: got {(element.text or '')[:20]!r}")


def _join_staves(notes: Sequence[_PlacedNote]) -> None:
    """Move a voice that changes between staves within a bar to the staff with most of its notes.

    If notes of two staves overlap, two voices have the same name, and both are left unchanged.
    """
    bars = [list(bar) for _, bar in groupby(notes, key=lambda note: note[0])]
    if any(len({staff.text for *_, staff in bar}) > 1 for bar in bars) and not any(map(_overlap, bars)):
        most_common = Counter(staff.text for *_, staff in notes).most_common(1)[0][0]
        for *_, staff in notes:
            staff.text = most_common


def _overlap(bar: Sequence[_PlacedNote]) -> bool:
    """Return whether notes of different staves overlap."""
    spans = sorted((begin, end, staff.text) for _, begin, end, staff in bar if end > begin)
    latest: dict[str | None, float] = {}
    for begin, end, staff in spans:
        if any(until > begin + _ROUNDING for other, until in latest.items() if other != staff):
            return True
        latest[staff] = max(end, latest.get(staff, 0))
    return False
