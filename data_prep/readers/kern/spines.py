"""Humdrum kern files: spines are followed as they split, merge and end; one voice for each sub-spine of a part.

music21's reader is not used. It loses notes silently where a sub-spine splits again or three merge at once, and
transposes a clarinet's part, which kern writes as it sounds. On the 1326 kern files of its corpus the two agree, except
that music21 ties a chord where one of its notes is tied.

All spines share one clock: the time of a line of notes is when the shortest of the sounding notes ends. The left half
of a split spine keeps its voice, the right half has the lowest voice that is free. A file may hold several scores, one
after the other; a bad one does not affect the others.
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
from data_prep.readers.notes import Key, Metre, Note, Piece, Reading, Repeats, Unread, reason
from data_prep.readers.parts import Part, bar_length, pickup, to_pieces
from data_prep.readers.repeats import Course
from data_prep.wording import counted

_instruments: Any = instruments  # it has no types

MAX_SPINES = 300
"""Spines that may run side by side, far above any score's."""

MAX_RESOLUTION = 2**31
"""Parts of a quarter note that all times of a score may need: its ticks fit in 64 bits."""

_METRE = re.compile(r"\*M(\d{1,6})/(0{1,3}|[1-9]\d{0,5})")
_KEY = re.compile(r"\*([A-Ga-g])([#-]?):")
_SIGNATURE = re.compile(r"\*k\[((?:[a-g](?:#+|-+|n))*)\]")
_REFERENCE = re.compile(r"!!!(OTL|OTP|OTA|OMD|COM)(?:@[^:]*)?:(.*)")
_KINDS = re.compile(r"\t*\*\*\S+(\t+\*\*\S+)*\t*")
_END = re.compile(r"\t*\*-(\t+\*-)*\t*")
_TABS = re.compile(r"\t+")
_PATHS = {"*^", "*v", "*x", "*+", "*-"}
_NAME_KINDS = ('"', "I", "IC")


def read(path: Path, repeats: Repeats = "written") -> Reading:
    """Read all scores of a file.

    Args:
        path: The file, in UTF-8 or Latin-1.
        repeats: How repeats are read.

    Returns:
        One piece for each voice of each score, and the scores that could not be read.

    Raises:
        ValueError: If the file's only score cannot be read.
    """
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = [(number, line) for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1) if line.strip()]
    references = [match.groups() for _, line in lines if (match := _REFERENCE.match(line))]
    scores = list(_scores((number, line) for number, line in lines if not line.startswith("!!")))
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
    """Split a file into scores, each of which ends by ending all of its spines."""
    score: list[tuple[int, str]] = []
    ended = True
    for number, line in lines:
        if ended and score:
            yield score
            score = []
        score.append((number, line))
        ended = _END.fullmatch(line) is not None
    if not score:
        raise ValueError("it is no kern file: nothing in it begins with **kern")
    yield score


def _read_score(lines: Sequence[tuple[int, str]], repeats: Repeats) -> list[Part]:
    first, kinds = lines[0]
    if not _KINDS.fullmatch(kinds):
        raise ValueError(f"it is no kern file: line {first} should say what its columns hold, as **kern does")
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
    """One voice of a part: its notes, and when the latest of them or of its rests ends."""

    number: int
    notes: list[Note] = field(default_factory=list[Note])
    end: Fraction = Fraction(0)


@dataclass(eq=False)
class _Staff:
    """A spine from its beginning to its end, with everything that it splits into."""

    kind: str = ""
    names: dict[str, str] = field(default_factory=dict[str, str])
    metres: dict[Fraction, Metre] = field(default_factory=dict[Fraction, Metre])
    keys: dict[Fraction, Key] = field(default_factory=dict[Fraction, Key])
    voices: dict[int, _Voice] = field(default_factory=lambda: {1: _Voice(1)})

    @property
    def sounds(self) -> bool:
        return self.kind == "**kern"

    def play(self, course: Course, cuts: Cuts) -> None:
        """Write the staff's repeats out."""
        for voice in self.voices.values():
            voice.notes = course.notes(voice.notes, cuts[voice])
        self.metres = {metre.onset: metre for metre in course.signatures([*self.metres.values()])}
        self.keys = {key.onset: key for key in course.signatures([*self.keys.values()])}

    def interpret(self, column: str, onset: Fraction) -> None:
        """Record what an interpretation says about the staff."""
        if column.startswith("**"):
            if self.kind:
                raise ValueError(f"a column of {self.kind[:20]!r} cannot become one of {column[:20]!r}")
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
    """One column at a time: a voice of a staff."""

    staff: _Staff
    voice: _Voice


def _new_spine() -> _Spine:
    staff = _Staff()
    return _Spine(staff, staff.voices[1])


@dataclass
class _Score:
    """A score as far as it is read.

    Attributes:
        spines: Those that are open, from left to right.
        staves: Those that began.
        turns: Records the repeats; None where repeats are read as written.
        now: When the latest line of notes stands.
        end: When the latest note or rest ends.
        bars: When each bar line stands, with what it says.
        resolution: Parts of a quarter note that the notes' times need.
        num_notes: Notes so far, those of chords counted.
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
        """Read one line."""
        if len(columns) != len(self.spines):
            raise ValueError(f"it has {counted(len(columns), 'column')} where {len(self.spines)} are open")
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
            if not staff.sounds or column == "." or column.startswith("!"):
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
            raise ValueError(f"no unit of 1/{MAX_RESOLUTION} quarter note or more is common to the durations so far")

    def _follow(self, columns: Sequence[str]) -> list[_Spine]:
        """Follow the spines over a line that splits, merges, exchanges, begins or ends some of them."""
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
                raise ValueError(f"two columns are exchanged at a time, *x stands in {len(exchanged)}")

    def _lengths(self) -> Iterator[tuple[_Voice, int]]:
        for staff in self.staves:
            for voice in staff.voices.values():
                yield voice, len(voice.notes)

    def parts(self) -> list[Part]:
        """Make the parts, from right to left: kern writes the lowest first."""
        if self.turns is not None:
            course, cuts = self.turns.course(self.end, self._lengths())
            for staff in self.staves:
                staff.play(course, cuts)
        parts: list[Part] = []
        for index, staff in enumerate(reversed([staff for staff in self.staves if staff.sounds]), 1):
            voices = {number: voice.notes for number, voice in sorted(staff.voices.items()) if voice.notes}
            metres = [staff.metres[onset] for onset in sorted(staff.metres)]
            parts.append(
                Part(
                    name=next((staff.names[kind] for kind in _NAME_KINDS if kind in staff.names), f"part {index}"),
                    voices={"" if len(voices) == 1 else str(number): notes for number, notes in voices.items()},
                    metres=metres,
                    keys=[staff.keys[onset] for onset in sorted(staff.keys)],
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
    """Merge neighbouring spines: those of one staff, or all of them where a staff has but one."""
    if len(run) == 1:
        raise ValueError("*v stands alone: it merges a column with its neighbour")
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
    """Return the name in an instrument's interpretation, as in *I"Violin I, *Ivioln and *ICstr, with its kind."""
    if column.startswith('*I"'):
        yield '"', " ".join(column[3:].split())
        return
    for kind, read_name in (("IC", _instruments.fromHumdrumClass), ("I", _instruments.fromHumdrumInstrument)):
        if column.startswith(f"*{kind}"):
            with suppress(_instruments.HumdrumInstrumentException):
                yield kind, str(read_name(column[1 + len(kind) :]).instrumentName)
