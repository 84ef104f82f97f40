"""MusicXML made ready for music21: its numbers are checked first, and its cue notes made rests.

As the files stand, music21 repeats a step for each sharp of a key signature and for each octave of a pitch, sounds cue
notes, and makes two voices of one that changes between the staves of its part.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from data_prep.limits import check_length, is_metre
from data_prep.readers.musicxml.files import read_xml
from data_prep.readers.musicxml.repeats import MARKS, take_turns
from data_prep.readers.notes import Repeats
from data_prep.readers.repeats import Turn

MAX_DIVISIONS = 65535
"""Parts of a quarter note: music21's lengths are exact up to this denominator."""

# fmt: off
_UNNEEDED = frozenset({
    "appearance", "barline", "beam", "bookmark", "clef", "credit", "defaults", "direction", "display-octave",
    "display-step", "editorial", "figured-bass", "footnote", "grouping", "harmony", "level", "link", "listen",
    "listening", "lyric", "measure-style", "miscellaneous", "notations", "notehead", "notehead-text", "part-group",
    "part-symbol", "play", "print", "sound", "staff-details", "stem", "supports", "time-modification",
})
# fmt: on
"""Elements that say how a score looks or is played; a note's length is its <duration>, not its dots and tuplets."""

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
"""Least and greatest of the numbers that music21 counts by."""

_IF_EMPTY = {"alter": "0", "staff": "1"}
"""What an empty element means, as exporters write it."""

MAX_SIGNS = 100_000
"""Parts, bars and signatures of one file: music21 takes 0.2 ms and 5 KB for each."""

_ROUNDING = 1e-6  # of times in quarter notes, far below 1 / MAX_DIVISIONS
_STEPS = set("ABCDEFG")
_SIGNS = {"key", "measure", "midi-instrument", "part", "score-instrument", "score-part", "time", "transpose"}


@dataclass(frozen=True)
class Score:
    """A score to be read.

    Attributes:
        root: The element score-partwise.
        num_notes: Notes with a pitch that it holds, those of chords counted.
        announced: It says that its first bar is a partial one.
        continued: It says that its second bar is the rest of the first.
        turns: By the number of measures before them, where the order of playing may turn, the last one at its end;
            empty where repeats are read as written.
    """

    root: Element
    num_notes: int
    announced: bool
    continued: bool
    turns: dict[int, Turn]


def load(path: Path, repeats: Repeats = "written") -> Score:
    """Load a score.

    Args:
        path: A MusicXML file, or an archive of one.
        repeats: How repeats are to be read.

    Returns:
        The score, without cue notes.

    Raises:
        ValueError: If it is no such file, or has an invalid number.
    """
    root = read_xml(path, _UNNEEDED if repeats == "written" else _UNNEEDED - MARKS | {"direction-type"})
    if root.tag != "score-partwise":
        raise ValueError(f"a score whose root is <score-partwise> is read, this one's is <{root.tag[:50]}>")
    num_signs = sum(1 for element in root.iter() if element.tag in _SIGNS)
    if num_signs > MAX_SIGNS:
        raise ValueError(f"files of at most {MAX_SIGNS} parts, bars and signatures are read: it has {num_signs}")
    turns = take_turns(root) if repeats == "played" else {}
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
    """The time within a part, in quarter notes.

    Attributes:
        divisions: What a quarter note is divided into, None until the part says so.
        begin: When the bar begins.
        now: When the next note begins.
        end: When the longest voice of the bar ends.
    """

    divisions: float | None = None
    begin: float = 0
    now: float = 0
    end: float = 0

    def length(self, element: Element) -> float:
        """Read the duration of an element, 0 where it has none."""
        text = element.findtext("duration")
        if text is None:
            return 0
        text = text.strip()
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"a duration is a number from 0 on, one is {text[:20]!r}")
        if self.divisions is None:
            raise ValueError("there are durations, but no <divisions> that say what they count")
        return float(text) / self.divisions

    def move(self, length: float) -> bool:
        """Move on, or back to the bar's begin at most; return whether that makes the bar longer."""
        self.now = max(self.now + length, self.begin)
        longer = self.now > self.end + _ROUNDING
        self.end = max(self.end, self.now)
        check_length(self.end)
        return longer

    def next_bar(self) -> None:
        """Begin the next bar where this one ends."""
        self.begin = self.now = self.end


def _clean(part: Element) -> None:
    """Check a part's numbers, and take out its cue notes and impossible metres."""
    for element in part.iter():
        _check_number(element)
    clock = _Clock()
    first_voice = _first_voice(part)
    crossings = _Crossings()
    for bar, measure in enumerate(part.iterfind("measure")):
        measure[:] = list(_sounding(measure))
        last: Element | None = None  # what ends last in the bar
        for element in measure:
            begin = clock.now
            if element.tag == "attributes":
                _clean_attributes(element, clock)
            elif element.tag in {"note", "forward", "backup"} and clock.move(_length(element, clock)):
                last = element
            if element.tag == "note":
                crossings.add(element, bar, begin, clock.now)
        if last is not None and last.tag == "forward":
            measure[list(measure).index(last)] = _rest(last)  # music21 lets a bar end with its last note or rest
        voices = {_voice(note) for note in measure.iterfind("note")}
        if first_voice is not None and len(voices) == 1 and first_voice not in voices:
            measure.extend(_silence(first_voice, clock))
        clock.next_bar()
    crossings.join()


def _voice(note: Element) -> str:
    return note.findtext("voice", "1").strip()


def voice_order(name: str) -> tuple[bool, int, str]:
    """Return what the voices of a part are sorted by: numbers first, in their order."""
    return not name.isdigit(), len(name), name


def _first_voice(part: Element) -> str | None:
    """Return the first of a part's voices, None if it has only one, or several staves."""
    names = {_voice(note) for note in part.iterfind("measure/note")}
    return min(names, key=voice_order) if len(names) > 1 and part.find("measure/note/staff") is None else None


def _silence(voice: str, clock: _Clock) -> Iterator[Element]:
    """Add a voice that rests through a bar, so that music21 separates the voices of the bar, even a single one."""
    if clock.divisions is None or clock.end <= clock.begin:
        return
    backup, rest = Element("backup"), Element("note")
    SubElement(backup, "duration").text = f"{(clock.now - clock.begin) * clock.divisions:.9g}"
    SubElement(rest, "rest")
    SubElement(rest, "duration").text = f"{(clock.end - clock.begin) * clock.divisions:.9g}"
    SubElement(rest, "voice").text = voice
    SubElement(rest, "type").text = "quarter"
    yield from (backup, rest)


def _length(element: Element, clock: _Clock) -> float:
    """Return how far an element moves the time."""
    length = clock.length(element)
    if element.find("grace") is not None or element.find("chord") is not None:
        return 0
    return -length if element.tag == "backup" else length


def _sounding(measure: Element) -> Iterator[Element]:
    """Replace the cue notes of a bar by rests; of a chord with cue notes the others are left."""
    rest: Element | None = None  # what stands for a cue note until a note of its chord sounds
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
    """Make the rest that is as long as a note or a <forward>; one of a whole note's type may be stretched to a bar."""
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
            raise ValueError(f"<divisions> is a number up to {MAX_DIVISIONS}, greater than 0, here it is {text[:20]!r}")
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
    """Return whether beats, which may be a sum, and their unit make a metre."""
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
            raise ValueError(f"<{element.tag}> is a {kind} from {least} to {greatest}, one is {text[:20]!r}")
    elif element.tag == "step" and (element.text or "").strip() not in _STEPS:
        raise ValueError(f"<step> is a letter from A to G, one is {(element.text or '')[:20]!r}")


@dataclass
class _Crossings:
    """Where the notes of each voice of a part stand: in which bar and staff, and when."""

    spans: dict[str, list[tuple[int, float, float, Element]]] = field(default_factory=dict)

    def add(self, note: Element, bar: int, begin: float, end: float) -> None:
        """Note where a note stands, if it says so."""
        staff = note.find("staff")
        if staff is not None:
            self.spans.setdefault(note.findtext("voice", "1").strip(), []).append((bar, begin, end, staff))

    def join(self) -> None:
        """Put each voice that changes between staves within a bar on the staff where most of it stands.

        A name that stands for notes of two staves at a time names two voices, which are left as they are.
        """
        for spans in self.spans.values():
            bars = [list(bar) for _, bar in groupby(spans, key=lambda span: span[0])]
            if any(_overlap(bar) for bar in bars):
                continue
            if any(len({staff.text for *_, staff in bar}) > 1 for bar in bars):
                home = Counter(staff.text for *_, staff in spans).most_common(1)[0][0]
                for *_, staff in spans:
                    staff.text = home


def _overlap(bar: list[tuple[int, float, float, Element]]) -> bool:
    """Return whether notes of two staves sound at a time."""
    spans = sorted((begin, end, staff.text) for _, begin, end, staff in bar if end > begin)
    latest: dict[str | None, float] = {}
    for begin, end, staff in spans:
        if any(until > begin + _ROUNDING for other, until in latest.items() if other != staff):
            return True
        latest[staff] = max(end, latest.get(staff, 0))
    return False
