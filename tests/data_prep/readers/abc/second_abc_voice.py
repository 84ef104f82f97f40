"""Fields and voices of the second ABC reader, written only from the ABC 2.1 standard."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

DIGITS = "0123456789"
NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
FIFTHS = "FCGDAEB"  # sharps are added in this order, flats in the reverse
MODES = {"maj": 0, "ion": 0, "m": -3, "min": -3, "aeo": -3, "mix": -1, "dor": -2, "phr": -4, "lyd": 1, "loc": -5}
CLEFS = ("treble", "bass", "alto", "tenor", "soprano", "mezzosoprano", "baritone", "perc")
TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # by number of notes, the number of notes in whose time they are played
COMPOUND = ("6/8", "9/8", "12/8")
OCTAVE_MARKS = {"+15": 24, "^15": 24, "-15": -24, "_15": -24, "+8": 12, "^8": 12, "-8": -12, "_8": -12}

Place = tuple[str, int]
"""A letter and its octave, to which an accidental applies."""


class Row(NamedTuple):
    """A note, a chord (its top note), a grace note (duration 0) or a rest (no pitch); times are in quarter notes."""

    onset: Fraction
    pitch: int | None
    duration: Fraction


class Note(NamedTuple):
    """A note: its place, its accidental (semitones) and its MIDI pitch."""

    place: Place
    alter: int
    pitch: int


@dataclass
class Event:
    """A note, a chord, a grace note, or a rest if there are no notes; ties are not merged yet."""

    notes: list[Note]
    duration: Fraction
    tied: set[Place] = field(default_factory=set[Place])
    is_grace: bool = False

    @property
    def top(self) -> Note | None:
        """The highest note."""
        return max(self.notes, key=lambda note: note.pitch, default=None)

    def joins(self, other: "Event") -> bool:
        """Return whether a tie joins this event to the next one."""
        if not self.top or not other.top or self.is_grace or other.is_grace:
            return False
        return self.top.place in self.tied and self.top.pitch == other.top.pitch and len(self.notes) == len(other.notes)


@dataclass
class Voice:
    """The fields of a voice, None if not set yet, and its events so far."""

    key: dict[str, int] | None = None
    metre: str | None = None  # "" is free
    unit: Fraction | None = None
    clef: int | None = None  # this and the next two are shifts in semitones
    octave: int | None = None
    transpose: int | None = None
    bar: dict[Place, int] = field(default_factory=dict[Place, int])  # accidentals of the current bar
    carried: dict[Place, int] = field(default_factory=dict[Place, int])  # accidentals of tied notes
    events: list[Event] = field(default_factory=list[Event])
    last: Event | None = None  # without grace notes
    broken: Fraction = Fraction(1)  # factor of the next note
    tuplet: Fraction = Fraction(1)
    tuplet_left: int = 0

    def inherit(self, common: "Voice") -> None:
        """Set the fields that are not set yet for this voice."""
        self.key = common.key if self.key is None else self.key
        self.metre = common.metre if self.metre is None else self.metre
        self.unit = common.unit if self.unit is None else self.unit
        self.clef = common.clef if self.clef is None else self.clef
        self.octave = common.octave if self.octave is None else self.octave
        self.transpose = common.transpose if self.transpose is None else self.transpose

    def default_unit(self) -> Fraction:
        """Return the unit length without an L: field."""
        return Fraction(1, 16) if self.metre and Fraction(self.metre) < Fraction(3, 4) else Fraction(1, 8)

    def apply(self, letter: str, text: str) -> None:
        """Apply a K:, L: or M: field; invalid values are ignored."""
        if letter == "K":
            key, rest = read_key(text)
            self.key = self.key if key is None else key
            self.configure(rest)
        elif letter == "L":
            self.unit = read_unit(text) or self.unit
        else:
            metre = read_metre(text)
            self.metre = self.metre if metre is None else metre

    def configure(self, text: str) -> None:
        """Apply the clef and the properties of a K: or V: field that shift pitches."""
        for word in without_quotes(text).split():
            name, _, value = word.partition("=")
            if name == "clef" or name.startswith(CLEFS) or name in OCTAVE_MARKS:
                self.clef = next((OCTAVE_MARKS[mark] for mark in OCTAVE_MARKS if word.endswith(mark)), 0)
            elif value.lstrip("+-").isdecimal() and name == "octave":
                self.octave = 12 * int(value)
            elif value.lstrip("+-").isdecimal() and name in {"transpose", "t"}:
                self.transpose = int(value)

    def add(self, event: Event) -> None:
        """Append a note, chord or rest after applying its tuplet and broken rhythm."""
        event.duration *= self.broken * (self.tuplet if self.tuplet_left else 1)
        self.tuplet_left = max(0, self.tuplet_left - 1)
        self.broken = Fraction(1)
        self.carried = {}
        self.events.append(event)
        self.last = event

    def start_tuplet(self, p: int, q: int, r: int) -> None:
        """Start a tuplet of r notes, p in the time of q; q and r are 0 for their defaults."""
        default = TUPLETS.get(p) or (3 if self.metre in COMPOUND else 2)
        q = q or (default if 2 <= p <= 9 else 0)
        if p and q:
            self.tuplet, self.tuplet_left = Fraction(q, p), r or p

    def break_rhythm(self, before: Fraction, after: Fraction) -> None:
        """Lengthen or shorten the last event and the next one."""
        if self.last:
            self.last.duration *= before
            self.broken = after

    def tie(self, notes: Iterable[Note]) -> None:
        """Tie notes of the last event to the next one."""
        if self.last:
            for note in notes:
                self.last.tied.add(note.place)
                self.carried[note.place] = note.alter

    def rows(self) -> list[Row]:
        """Return the rows, with tied notes merged."""
        joined: list[Event] = []
        for event in self.events:
            if joined and joined[-1].joins(event):
                joined[-1].duration += event.duration
                joined[-1].tied = event.tied
            else:
                joined.append(event)
        rows: list[Row] = []
        clock = Fraction(0)
        for event in joined:
            rows.append(Row(clock, event.top.pitch if event.top else None, event.duration))
            clock += event.duration
        return rows


def without_quotes(text: str) -> str:
    """Return a text without its parts in double quotes."""
    return "".join(text.split('"')[::2])


def read_key(text: str) -> tuple[dict[str, int] | None, str]:
    """Return the accidentals of a K: field, None if it has no key, and the rest of the field: clef and properties."""
    first = text.split(maxsplit=1)[0] if text else "none"
    if first in {"none", "HP", "Hp"}:
        return ({"F": 1, "C": 1} if first == "Hp" else {}), text[len(first) :]
    fifths, rest = 0, text
    if first[0] in NATURAL:
        fifths, rest = FIFTHS.index(first[0]) - 1, text[1:]
        if rest[:1] in {"#", "b"}:
            fifths, rest = fifths + (7 if rest[0] == "#" else -7), rest[1:]
    elif not first.startswith("exp"):
        return None, text
    stripped = rest.lstrip()
    word = stripped[: next((at for at, letter in enumerate(stripped) if not letter.isalpha()), len(stripped))]
    after = stripped[len(word) :]
    is_property = word == "m" and stripped != rest and after.startswith("=")  # m= is an old middle=
    mode = word if word == "m" else word[:3].lower()
    if (mode in MODES and not is_property) or mode == "exp":
        fifths, rest = fifths + MODES.get(mode, 0), after
    key = {letter: (fifths - place + 6) // 7 for place, letter in enumerate(FIFTHS)}
    return ({} if mode == "exp" else key) | read_accidentals(rest), rest


def read_accidentals(text: str) -> dict[str, int]:
    """Return the explicit accidentals of a K: field, such as '^f =c'."""
    accidentals: dict[str, int] = {}
    for word in text.split():
        marks = ""
        for character in word if word[0] in "^_=" else "":
            if character in "^_=":
                marks += character
            elif marks and character.upper() in NATURAL:
                accidentals[character.upper()] = marks.count("^") - marks.count("_")
                marks = ""
    return accidentals


def read_unit(text: str) -> Fraction | None:
    """Return the length in an L: field, None if it is invalid."""
    above, slash, below = text.replace(" ", "").partition("/")
    if not above.isdecimal() or (slash and not below.isdecimal()) or "0" in {above, below}:
        return None
    return Fraction(int(above), int(below or "1"))


def read_metre(text: str) -> str | None:
    """Return the metre in an M: field as beats/unit, '' if it is free, None if it is invalid."""
    known = {"": "", "none": "", "C": "4/4", "C|": "2/2"}
    if text in known:
        return known[text]
    above, _, below = text.replace(" ", "").replace("(", "").replace(")", "").partition("/")
    beats, unit = above.split("+"), below[: len(below) - len(below.lstrip(DIGITS))]
    count = sum(int(beat) if beat.isdecimal() else 1000 for beat in beats)
    return f"{count}/{unit}" if 1 <= count <= 64 and unit in {"1", "2", "4", "8", "16", "32", "64"} else None
