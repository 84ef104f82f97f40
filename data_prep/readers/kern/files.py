"""Reader of Humdrum kern files, which follows spines as they split, merge and end; each sub-spine of a part is a voice.

music21's reader is not used. It silently loses notes if a sub-spine splits again or three merge at once, and transposes
the part of a clarinet, although kern files contain sounding pitches. On the 1326 kern files of music21's corpus both
readers agree, except that music21 ties a whole chord if one of its notes is tied.

All spines share one clock: a line of notes begins when the shortest of the sounding notes ends. The left half of a
split spine continues its voice, the right half takes the lowest free voice. A file may contain several scores in
sequence; an invalid one does not affect the others.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count, groupby
from math import lcm
from pathlib import Path
from typing import Any, NamedTuple

from music21.humdrum import instruments

from data_prep.limits import check_length, check_num_notes, is_metre, read_bytes
from data_prep.readers.kern.repeats import Cuts, KernTurns
from data_prep.readers.kern.tokens import STEPS, read_event
from data_prep.readers.notes import Key, Metre, Note, Piece, Reading, Repeats, Unread, decoded, reason
from data_prep.readers.parts import Part, bar_length, pickup, to_pieces
from data_prep.readers.repeats import Course
from data_prep.wording import counted

_instruments: Any = instruments  # it has no types

MAX_SPINES = 300
"""Maximum number of simultaneous spines, far above that of any score."""

MAX_RESOLUTION = 2**31
"""Maximum common denominator of all times of a score (quarter notes), so that its ticks fit in 64 bits."""

_METRE = re.compile(r"\*M(\d{1,6})/(0{1,3}|[1-9]\d{0,5})")
_KEY = re.compile(r"\*([A-Ga-g])([#-]?):")
_SIGNATURE = re.compile(r"\*k\[((?:[a-g](?:#+|-+|n))*)\]")
_REFERENCE = re.compile(r"!!!(OTL|OTP|OTA|OMD|COM)(?:@[^:]*)?:(.*)")
_KINDS = re.compile(r"\t*\*\*\S+(\t+\*\*\S+)*\t*")
_END = re.compile(r"\t*\*-(\t+\*-)*\t*")
_TABS = re.compile(r"\t+")
_PATHS = {"*^", "*v", "*x", "*+", "*-"}
_KERN = "**kern"
_NAME_KINDS = ('"', "I", "IC")


def read(path: Path, repeats: Repeats = "written") -> Reading:
    """Read all scores of a file.

    Args:
        path: The file, in UTF-8 or Latin-1.
        repeats: How to read repeats.

    Returns:
        One piece for each voice of each score, and the scores that could not be read.

    Raises:
        ValueError: If the file contains only one score and it cannot be read.
    """
    text = decoded(read_bytes(path))
    lines = [(number, line) for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1) if line.strip()]
    references = [match.groups() for _, line in lines if (match := _REFERENCE.match(line))]
    scores = list(_scores((number, line) for number, line in lines if not line.startswith("!!")))
    if not scores:
        raise ValueError("it is not a kern file: no line begins with **kern")
    title = next((text for code in ("OTL", "OTP", "OTA", "OMD") if (text := _joined(references, code, ", "))), "")
    composer = _joined(references, "COM", " and ")
    pieces: list[Piece] = []
    unread: list[Unread] = []
    for number, score in enumerate(scores, 1):
        tune = str(number) if len(scores) > 1 else ""
        try:
            pieces += to_pieces(_read_score(score, repeats), title, composer, tune)
        except ValueError as error:
            if not tune:
                raise
            unread.append(Unread(tune, reason(error)))
    return Reading(tuple(pieces), tuple(unread))


def _joined(references: Sequence[tuple[str, ...]], code: str, between: str) -> str:
    return between.join(text.strip() for name, text in references if name == code and text.strip())


def _scores(lines: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Split a file into scores; a score ends with the line that ends all of its spines."""
    score: list[tuple[int, str]] = []
    for number, line in lines:
        score.append((number, line))
        if _END.fullmatch(line):
            yield score
            score = []
    if score:
        yield score


def _read_score(lines: Sequence[tuple[int, str]], repeats: Repeats) -> list[Part]:
    first, kinds = lines[0]
    if not _KINDS.fullmatch(kinds):
        raise ValueError(f"it is not a kern file: line {first} must name the types of its columns, as **kern")
    _check_num_spines(len(kinds.split()))
    spines = [_new_spine() for _ in kinds.split()]
    score = _Score(spines, [spine.staff for spine in spines], KernTurns() if repeats == "played" else None)
    for number, line in lines:
        try:
            score.take(_TABS.split(line.strip("\t")))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    if score.spines:
        raise ValueError("it is cut short: no line of *- ends its columns")
    return score.parts()


@dataclass(eq=False)
class _Voice:
    """One voice of a part: its notes, and the time at which the last note or rest ends (quarter notes)."""

    number: int
    notes: list[Note] = field(default_factory=list[Note])
    end: Fraction = Fraction(0)


@dataclass(eq=False)
class _Staff:
    """A spine from its beginning to its end, with all of its sub-spines."""

    kind: str = ""
    names: dict[str, str] = field(default_factory=dict[str, str])
    metres: dict[Fraction, Metre] = field(default_factory=dict[Fraction, Metre])
    keys: dict[Fraction, Key] = field(default_factory=dict[Fraction, Key])
    voices: dict[int, _Voice] = field(default_factory=lambda: {1: _Voice(1)})

    def play(self, course: Course, cuts: Cuts) -> None:
        """Expand the repeats of the staff."""
        for voice in self.voices.values():
            voice.notes = course.notes(voice.notes, cuts[voice])
        self.metres = {metre.onset: metre for metre in course.signatures([*self.metres.values()])}
        self.keys = {key.onset: key for key in course.signatures([*self.keys.values()])}

    def interpret(self, column: str, onset: Fraction) -> None:
        """Process an interpretation of the staff."""
        if column.startswith("**"):
            if self.kind:
                raise ValueError(f"a column of type {self.kind[:20]!r} cannot change to {column[:20]!r}")
            self.kind = column
        elif match := _METRE.fullmatch(column):
            beats, unit = int(match[1]), match[2]
            metre = (beats << len(unit), 1) if int(unit) == 0 else (beats, int(unit))
            if is_metre(*metre):
                self.metres[onset] = Metre(onset, *metre)
        elif match := _KEY.fullmatch(column):
            tonic = (STEPS[match[1].upper()] + {"": 0, "#": 1, "-": -1}[match[2]]) % 12
            self.keys[onset] = Key(onset, tonic, "major" if match[1].isupper() else "minor")
        elif match := _SIGNATURE.fullmatch(column):
            sharps = match[1].count("#") or -match[1].count("-")
            self.keys.setdefault(onset, Key(onset, sharps * 7 % 12, ""))
        elif column.startswith("*I"):
            for kind, name in _names(column):
                self.names.setdefault(kind, name)


class _Spine(NamedTuple):
    """An open column: a voice of a staff."""

    staff: _Staff
    voice: _Voice


def _new_spine() -> _Spine:
    staff = _Staff()
    return _Spine(staff, staff.voices[1])


@dataclass
class _Score:
    """A score while it is read; times are in quarter notes.

    Attributes:
        spines: Open spines from left to right.
        staves: All staves so far.
        turns: Recorder of repeats, None if repeats are read as written.
        now: Time of the last line of notes.
        end: Time at which the last note or rest ends.
        bars: (time, text) of each bar line.
        resolution: Common denominator of all times so far.
        num_notes: Number of notes so far, including those of chords.
    """

    spines: list[_Spine]
    staves: list[_Staff]
    turns: KernTurns | None
    now: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    bars: list[tuple[Fraction, str]] = field(default_factory=list[tuple[Fraction, str]])
    resolution: int = 1
    num_notes: int = 0

    def take(self, columns: Sequence[str]) -> None:
        """Process one line."""
        if len(columns) != len(self.spines):
            raise ValueError(f"it has {counted(len(columns), 'column')} instead of {len(self.spines)}")
        onset = min((spine.voice.end for spine in self.spines if spine.voice.end > self.now), default=self.end)
        first = columns[0][0]
        if first in "*=" and self.turns is not None:
            self.turns.take(columns, onset, self._lengths())
        if first == "*":
            for spine, column in zip(self.spines, columns, strict=True):
                spine.staff.interpret(column, onset)
            if not _PATHS.isdisjoint(columns):
                self.spines = self._follow(columns)
        elif first == "=":
            self.bars.append((onset, columns[0]))
        elif first != "!":
            self._sound(columns, onset)

    def _sound(self, columns: Sequence[str], onset: Fraction) -> None:
        for (staff, voice), column in zip(self.spines, columns, strict=True):
            if staff.kind != _KERN or column == "." or column.startswith("!"):
                continue
            event = read_event(column)
            if event.duration:
                if voice.end > onset:
                    raise ValueError(f"{column[:20]!r} is at quarter {onset}, but its column sounds until {voice.end}")
                self.now = onset
                voice.end = onset + event.duration
                self.end = max(self.end, voice.end)
                self.resolution = lcm(self.resolution, event.duration.denominator)
            if event.chord_size:
                voice.notes.append(Note(onset, *event))
                self.num_notes += event.chord_size
        check_num_notes(self.num_notes)
        check_length(self.end)
        if self.resolution > MAX_RESOLUTION:
            raise ValueError(f"the common denominator of the durations so far is more than {MAX_RESOLUTION}")

    def _follow(self, columns: Sequence[str]) -> list[_Spine]:
        """Return the spines after a line that splits, merges, exchanges, adds or ends some of them."""
        following: list[_Spine] = []
        for merge, run in groupby(zip(self.spines, columns, strict=True), key=lambda pair: pair[1] == "*v"):
            if merge:
                following += _merged([spine for spine, _ in run])
                continue
            for spine, column in run:
                if column != "*-":
                    following.append(spine)
                if column == "*^":
                    following.append(_Spine(spine.staff, _free_voice(spine.staff, [*self.spines, *following])))
                elif column == "*+":
                    following.append(_new_spine())
                    self.staves.append(following[-1].staff)
        _check_num_spines(len(following))
        match [spine for spine, column in zip(self.spines, columns, strict=True) if column == "*x"]:
            case []:
                return following
            case [left, right]:
                return [{left: right, right: left}.get(spine, spine) for spine in following]
            case exchanged:
                raise ValueError(f"*x must be in two columns, which it exchanges: it is in {len(exchanged)}")

    def _lengths(self) -> Iterator[tuple[_Voice, int]]:
        for staff in self.staves:
            for voice in staff.voices.values():
                yield voice, len(voice.notes)

    def parts(self) -> list[Part]:
        """Return the parts from right to left, because the leftmost spine of kern files is the lowest part."""
        if self.turns is not None:
            course, cuts = self.turns.course(self.end, self._lengths())
            for staff in self.staves:
                staff.play(course, cuts)
        parts: list[Part] = []
        for index, staff in enumerate(reversed([staff for staff in self.staves if staff.kind == _KERN]), 1):
            voices = {number: voice.notes for number, voice in sorted(staff.voices.items()) if voice.notes}
            metres = sorted(staff.metres.values())
            parts.append(
                Part(
                    name=next((staff.names[kind] for kind in _NAME_KINDS if kind in staff.names), f"part {index}"),
                    voices={"" if len(voices) == 1 else str(number): notes for number, notes in voices.items()},
                    metres=metres,
                    keys=sorted(staff.keys.values()),
                    pickup=self._pickup(bar_length(metres)),
                )
            )
        return parts

    def _pickup(self, bar: Fraction) -> Fraction:
        before = [label for onset, label in self.bars if onset == 0]
        later = [(onset, label) for onset, label in self.bars if onset > 0]
        if not later:
            return Fraction(0)
        first, label = later[0]
        second = (later[1][0] if len(later) > 1 else self.end) - first
        number = re.search(r"\d+", label)
        announced = not before and number is not None and int(number[0]) == 1
        continued = number is None and any(re.search(r"\d", label) for label in before)
        return pickup(bar, first, second, announced=announced, continued=continued)


def _check_num_spines(num: int) -> None:
    if num > MAX_SPINES:
        raise ValueError(f"at most {MAX_SPINES} columns are read, {num} are open")


def _merged(run: Sequence[_Spine]) -> Iterator[_Spine]:
    """Merge adjacent spines: those of the same staff, or all of them if a staff has only one."""
    if len(run) == 1:
        raise ValueError("*v must be in two or more adjacent columns, which it merges")
    groups = [list(group) for _, group in groupby(run, key=lambda spine: id(spine.staff))]
    for group in groups if all(len(group) > 1 for group in groups) else [run]:
        staff = group[0].staff
        voice = min((spine.voice for spine in group if spine.staff is staff), key=lambda voice: voice.number)
        voice.end = max(spine.voice.end for spine in group)
        yield _Spine(staff, voice)


def _free_voice(staff: _Staff, spines: Sequence[_Spine]) -> _Voice:
    used = {spine.voice.number for spine in spines if spine.staff is staff}
    number = next(number for number in count(1) if number not in used)
    return staff.voices.setdefault(number, _Voice(number))


def _names(column: str) -> Iterator[tuple[str, str]]:
    """Yield the (kind, name) in an interpretation of an instrument, as *I"Violin I, *Ivioln or *ICstr."""
    if column.startswith('*I"'):
        yield '"', " ".join(column[3:].split())
        return
    for kind, read_name in (("IC", _instruments.fromHumdrumClass), ("I", _instruments.fromHumdrumInstrument)):
        if column.startswith(f"*{kind}"):
            with suppress(_instruments.HumdrumInstrumentException):
                yield kind, str(read_name(column[1 + len(kind) :]).instrumentName)
