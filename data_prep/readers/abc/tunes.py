"""Reader of one tune in ABC: its header, the lines of its body, and a piece for each of its voices.

Fields before the first note apply to every voice, and fields in the music to their own voice. In the header, L: and M:
after a V: apply to that voice alone, except for the first L: and M:.

Source: The abc music standard 2.1, sections 2.2 (tunes), 3 (fields), 7 (voices).
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from data_prep.pitches import REST
from data_prep.readers.abc.fields import Settings, parse_voice
from data_prep.readers.abc.repeats import Turns, parts_in_order
from data_prep.readers.abc.tokens import tokens
from data_prep.readers.abc.voices import ReadVoice, Voice, opening
from data_prep.readers.notes import Heading, Piece, Repeats, clean_name
from data_prep.readers.parts import without_gaps
from data_prep.readers.repeats import Course, Turn, playing_order
from data_prep.readers.ties import merge_ties

MAX_VOICES = 100
"""Maximum number of voices of a tune."""

_FIELD = re.compile(r"([A-Za-z+]):(.*)")
_DIRECTIVE = re.compile(r"%%\s*(propagate-accidentals.*)")
_NOTE_LETTERS = "ABCDEFGXZ"
_LOWER_CASE_FIELDS = "mrsw+"


class LineError(ValueError):
    """Raised for a line that cannot be read.

    Attributes:
        line: The number of the line, from 1.
        begin: Where the text that cannot be read begins in the line, from 0 for the first character that is no space.
        end: Where it ends.
    """

    def __init__(self, line: int, begin: int, end: int, reason: str) -> None:
        """Store the place."""
        super().__init__(f"line {line}: {reason}")
        self.line, self.begin, self.end = line, begin, end


class Line(NamedTuple):
    """A line of a file: number from 1, and text without surrounding spaces."""

    number: int
    text: str


def read_tune(tune: str, lines: Sequence[Line], repeats: Repeats = "written") -> list[Piece]:
    """Read one tune.

    Args:
        tune: Name of the tune in the file.
        lines: Lines of the file header, followed by those of the tune.
        repeats: How to read repeats.

    Returns:
        One piece for each voice.

    Raises:
        LineError: If a line cannot be read.
        ValueError: If the tune has no key or no notes.
    """
    state = _Tune(repeats)
    for line in lines:
        try:
            state.take(line.text)
        except ValueError as error:
            begin, end = state.token or (0, len(line.text))
            raise LineError(line.number, begin, end, str(error)) from None
    if not state.in_body:
        raise ValueError("a tune's header ends with its key (K:), and there is none")
    voices = {name: voice.finish() for name, voice in state.voices.items()}
    if repeats == "played" and voices:
        voices = dict(zip(voices, _played([*voices.values()], state.parts), strict=True))
    sounding = {name: voice for name, voice in voices.items() if any(note.pitch != REST for note in voice.notes)}
    if not sounding:
        raise ValueError("there are no notes in it")
    num_parts = len(sounding)
    return [_piece(tune, name if num_parts > 1 else "", num_parts, voice, state) for name, voice in sounding.items()]


def _piece(tune: str, part: str, num_parts: int, voice: ReadVoice, state: "_Tune") -> Piece:
    heading = Heading(
        tune=tune,
        part=part,
        title=state.title,
        composer=state.composer,
        num_parts=num_parts,
        metres=tuple(voice.metres),
        keys=tuple(voice.keys),
        pickup=voice.pickup,
    )
    return (Piece.of if num_parts == 1 else without_gaps)(heading, merge_ties(voice.notes))


def _played(voices: Sequence[ReadVoice], parts: Sequence[str]) -> list[ReadVoice]:
    """Expand the repeats of a tune.

    The turns of the voice with the most turns apply to all voices. A voice with the same number of turns uses its own
    times, so that voices stay aligned if the bars of one are too short; other voices use the times of the first one.

    Args:
        voices: The voices with their turns.
        parts: Labels in the order in which the parts are played.

    Returns:
        The voices as they are played.

    Raises:
        ValueError: If the expanded tune is too long.
    """
    leader = max(voices, key=lambda voice: len(voice.turns))
    rows = leader.turn_rows
    places = [_places(voice, [leader.onsets[row] for row in rows]) for voice in voices]
    sizes = [sum(cuts[at + 1] - cuts[at] for cuts, _ in places) for at in range(len(rows) - 1)]
    order = playing_order([leader.turns.get(row, Turn()) for row in rows], sizes, parts)
    return [_through(voice, Course(order, times), cuts) for voice, (cuts, times) in zip(voices, places, strict=True)]


def _places(voice: ReadVoice, times: Sequence[Fraction]) -> tuple[list[int], list[Fraction]]:
    """Return the rows and the times of a voice's turns, given the times of the leading voice's turns."""
    rows = voice.turn_rows
    if len(rows) == len(times):
        return rows, [voice.onsets[row] for row in rows]
    cuts = [bisect_left(voice.onsets[:-1], time) for time in times[:-1]]
    return [*cuts, rows[-1]], [*times[:-1], max(times[-1], voice.onsets[-1])]


def _through(voice: ReadVoice, course: Course, cuts: Sequence[int]) -> ReadVoice:
    metres = course.signatures(voice.metres)
    return replace(
        voice,
        notes=course.notes(voice.notes, cuts),
        metres=metres,
        keys=course.signatures(voice.keys),
        pickup=opening(course.times(voice.bars), metres),
    )


class _Tune:
    """A tune while its lines are read."""

    def __init__(self, repeats: Repeats) -> None:
        self.title = self.composer = ""
        self.parts: list[str] = []  # labels in the order in which the parts are played
        self._repeats = repeats
        self._part = ""  # label of the part with which the music begins
        self.in_body = False
        self.token: tuple[int, int] | None = None  # begin and end of the token that is read, in a line of music
        self.voices: dict[str, Voice] = {}
        self._settings = Settings()
        self._declared: dict[str, list[tuple[str, str]]] = {}  # fields of each voice in the header
        self._current = ""
        self._started = False  # whether the music or the section of a voice has begun
        self._of_all_voices: set[str] = set()  # names of fields after the header and before that

    def take(self, text: str) -> None:
        """Process a line.

        Args:
            text: The line.

        Raises:
            ValueError: If it cannot be read.
        """
        self.token = None
        directive = _DIRECTIVE.match(text)
        if directive is not None:
            self._take_field("I", directive[1])
        elif text.startswith("%"):
            return
        elif (field := _field_of(text, in_body=self.in_body)) is not None:
            self._take_field(*field)
        elif self.in_body:
            self._take_music(text)

    def _take_field(self, name: str, value: str) -> None:
        if name == "T" and not self.title:
            self.title = clean_name(value)
        elif name == "C" and not self.composer:
            self.composer = clean_name(value)
        elif name == "P" and self._repeats == "played":
            self._take_part(value)
        elif name == "V":
            self._switch(value)
        elif not self.in_body:
            self._take_header_field(name, value)
        elif self._started:
            for voice in self.voices.values() if name == "I" else [self._voice()]:
                voice.set(name, value)
        else:
            self._settings = self._settings.with_field(name, value)
            self._of_all_voices.add(name)

    def _take_part(self, value: str) -> None:
        if not self.in_body:
            self.parts = parts_in_order(value)
        elif self._started:
            self._voice().begin_part(value)
        else:
            self._part = value

    def _take_header_field(self, name: str, value: str) -> None:
        of_one_voice = self._current and name in {"L", "M"}
        if of_one_voice:
            self._declared[self._current].append((name, value))
        if not of_one_voice or (self._settings.unit if name == "L" else self._settings.metre) is None:
            self._settings = self._settings.with_field(name, value)
        if name == "K":
            self._begin_body()

    def _begin_body(self) -> None:
        self.in_body = True
        self._current = next(iter(self._declared), "")
        self._settings = self._settings.with_unit()

    def _start(self) -> None:
        """Create the voices of the header; later fields apply only to their own voice."""
        if not self._started:
            self._started = True
            for name in self._declared:
                self._voice(name)

    def _switch(self, value: str) -> None:
        name, shift = parse_voice(clean_name(value))
        self._current = name
        if self.in_body:
            self._start()
            self._voice().shift(shift)
        else:
            self._declared.setdefault(name, []).append(("V", value))

    def _take_music(self, text: str) -> None:
        for token in tokens(text):
            self.token = token.span()
            if token.lastgroup == "comment":
                break
            if token.lastgroup == "field":
                self._take_field(token["name"], token["value"].strip())
            else:
                self._start()
                self._voice().take(token)
        if self._started:
            self._voice().end_line()

    def _voice(self, name: str | None = None) -> Voice:
        """Return a voice, by default the current one, created from the header if missing."""
        name = self._current if name is None else name
        if name not in self.voices:
            if len(self.voices) == MAX_VOICES:
                raise ValueError(f"a tune has at most {MAX_VOICES} voices")
            settings = self._settings
            for field, value in self._declared.get(name, []):
                if field == "V":
                    settings = replace(settings, shift=settings.shift.updated(parse_voice(value)[1]))
                elif field not in self._of_all_voices:
                    settings = settings.with_field(field, value)
            self.voices[name] = Voice(settings, Turns() if self._repeats == "played" else None)
            if self._part:
                self.voices[name].begin_part(self._part)
        return self.voices[name]


def _field_of(text: str, *, in_body: bool) -> tuple[str, str] | None:
    """Return the name and value of a field, None for a line of music.

    A note or rest before a repeat ("e:|", "A::") is not a field.
    """
    match = _FIELD.match(text)
    if match is None:
        return None
    name, value = match.groups()
    if in_body and name.islower() and name not in _LOWER_CASE_FIELDS:
        return None
    if in_body and name in _NOTE_LETTERS and value.lstrip()[:1] in {"|", ":"}:
        return None
    return name, re.sub(r"(?<!\\)%.*", "", value).strip()
