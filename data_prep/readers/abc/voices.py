"""Conversion of the tokens of a voice in ABC to notes, metres and keys.

Source: The abc music standard 2.1, sections 4.3 (lengths), 4.4 (broken rhythm), 4.11 (ties), 4.12 (grace notes), 4.13
(tuplets), 4.17 (chords).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate

from data_prep.limits import MAX_SILENT_BARS, check_length, check_num_notes
from data_prep.pitches import NUM_PITCHES, REST
from data_prep.readers.abc.fields import KeyField, Settings, Shift, default_length, number
from data_prep.readers.abc.pitches import BarAccidentals, WrittenPitch, sounding, written
from data_prep.readers.abc.repeats import Turns
from data_prep.readers.abc.tokens import length_factor, tokens
from data_prep.readers.notes import Key, Metre, Note
from data_prep.readers.parts import bar_length
from data_prep.readers.repeats import Turn

_QUARTERS = 4  # per whole note, the unit of unit note lengths
_IN_TIME_OF = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
_MAX_DOTS = 3  # of a broken rhythm
_COMPOUND_BEATS = frozenset({6, 9, 12})


@dataclass
class _Row:
    """A note, chord, rest or grace note (duration 0), whose onset is computed at the end of the voice."""

    duration: Fraction
    pitch: int
    spelling: str
    chord_size: int
    tied: bool = False


@dataclass
class _Struck:
    """A chord while it is read, or one note."""

    length: Fraction | None = None
    pitches: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    letters: list[tuple[WrittenPitch, int]] = field(default_factory=list[tuple[WrittenPitch, int]])
    tied: set[int] = field(default_factory=set[int])


@dataclass(frozen=True)
class ReadVoice:
    """The notes and signatures of one voice; times are in quarter notes.

    Attributes:
        notes: Notes, for chords their top notes.
        metres: Time signatures.
        keys: Key signatures.
        pickup: Length of the opening partial bar.
        bars: Times of the bar lines.
        onsets: Onset of each note, followed by the end of the voice.
        turns: Turns by number of rows before them, the last one at the end; empty if repeats are read as written.
    """

    notes: list[Note]
    metres: list[Metre]
    keys: list[Key]
    pickup: Fraction
    bars: list[Fraction]
    onsets: list[Fraction]
    turns: dict[int, Turn]

    @property
    def turn_rows(self) -> list[int]:
        """Numbers of rows before each turn, including one at the beginning."""
        return sorted({0, *self.turns})


def opening(bars: Iterable[Fraction], metres: list[Metre]) -> Fraction:
    """Return the length of the partial bar before the first bar line (quarter notes), 0 if there is none."""
    first = next((time for time in bars if time > 0), Fraction(0))
    return first if first < bar_length(metres) else Fraction(0)


class Voice:
    """A voice while it is read."""

    def __init__(self, settings: Settings, turns: Turns | None = None) -> None:
        """Begin a voice.

        Args:
            settings: Fields of the header.
            turns: Recorder of repeats, which are ignored without it.
        """
        self._turns = turns
        self._settings = settings
        self._unit = _QUARTERS * (settings.unit or default_length(settings.metre))  # quarter notes
        self._lengths: dict[str, Fraction] = {}  # in quarter notes, by length as written
        self._rows: list[_Row] = []
        self._metres: dict[int, tuple[int, int]] = {0: settings.metre} if settings.metre else {}
        self._keys: dict[int, KeyField] = {0: settings.key}
        self._bar_rows: list[int] = []
        self._accidentals = BarAccidentals()
        self._last: _Row | None = None  # the last row that is not a grace note
        self._last_letters: list[tuple[WrittenPitch, int]] = []
        self._chord: _Struck | None = None
        self._in_grace = False
        self._overlay_bars = 0  # number of bars that remain to be skipped
        self._in_overlay_brackets = False
        self._tuplet, self._num_tupled = Fraction(1), 0
        self._after_broken = Fraction(1)  # factor of the next note's length
        self._num_silent_bars = 0
        self._take: Mapping[str, Callable[[re.Match[str]], None]] = {
            "timed": self._timed,
            "bars": self._bars,
            "tie": self._tie,
            "chord": self._open_chord,
            "old_chord": self._old_chord,
            "grace": self._open_grace,
            "grace_end": self._close_grace,
            "broken": self._break_rhythm,
            "tuplet": self._open_tuplet,
            "microtone": self._microtone,
        }

    def begin_part(self, label: str) -> None:
        """Begin a part of the tune."""
        if self._turns is not None:
            self._turns.part(len(self._rows), label)

    def set(self, name: str, value: str) -> None:
        """Process a field in the music.

        Args:
            name: Letter of the field.
            value: Value of the field.

        Raises:
            ValueError: If the value is invalid.
        """
        before, self._settings = self._settings, self._settings.with_field(name, value)
        if self._settings.unit is not before.unit and self._settings.unit is not None:
            self._unit = _QUARTERS * self._settings.unit
            self._lengths.clear()
        if name == "M" and self._settings.metre is not None:
            self._metres[len(self._rows)] = self._settings.metre
        if self._settings.key is not before.key:
            self._keys[len(self._rows)] = self._settings.key
            self._accidentals.end_bar()

    def shift(self, shift: Shift) -> None:
        """Shift the pitches that follow."""
        self._settings = replace(self._settings, shift=self._settings.shift.updated(shift))

    def take(self, token: re.Match[str]) -> None:
        """Process a token of music.

        Args:
            token: A match from ``tokens``, except of a comment or field.

        Raises:
            ValueError: If a length, a pitch or a tuplet is invalid.
        """
        kind = token.lastgroup or ""
        if kind == "bar":
            self._bar(token[0])
        elif kind == "volta" and self._turns is not None:
            self._turns.ending(len(self._rows), token[0])
        elif kind == "overlay":
            self._overlay(token[0])
        elif not self._overlay_bars and kind in self._take:
            self._take[kind](token)

    def end_line(self) -> None:
        """End an unclosed chord or group of grace notes, which cannot continue in the next line."""
        self._in_grace = False
        if self._chord is not None:
            self._close_chord(Fraction(1))

    def finish(self) -> ReadVoice:
        """Return the finished voice; raise ValueError if it is too long."""
        onsets = list(accumulate((row.duration for row in self._rows), initial=Fraction(0)))
        check_length(onsets[-1])
        metres = {onsets[at]: metre for at, metre in self._metres.items()}
        keys = {onsets[at]: key for at, key in self._keys.items()}
        read_metres = [Metre(onset, *metre) for onset, metre in sorted(metres.items())]
        bars = [onsets[at] for at in self._bar_rows]
        if self._turns is not None:
            self._turns.at(len(self._rows))
        return ReadVoice(
            notes=[
                Note(onset, row.duration, row.pitch, row.spelling, row.chord_size, row.tied)
                for onset, row in zip(onsets, self._rows, strict=False)
            ],
            metres=read_metres,
            keys=[Key(onset, key.tonic, key.mode) for onset, key in sorted(keys.items()) if key.tonic is not None],
            pickup=opening(bars, read_metres),
            bars=bars,
            onsets=onsets,
            turns={} if self._turns is None else self._turns.by_row,
        )

    def _timed(self, token: re.Match[str]) -> None:
        if token["close"]:
            self._close_chord(length_factor(token["length"]))
        elif token["rest"]:
            self._rest(self._length(token["length"]))
        else:
            self._note(token, self._length(token["length"]))

    def _length(self, text: str) -> Fraction:
        """Convert a length as written to quarter notes."""
        length = self._lengths.get(text)
        if length is None:
            length = self._lengths[text] = self._unit * length_factor(text)
        return length

    def _note(self, token: re.Match[str], length: Fraction) -> None:
        note = written(token["letter"], token["octave"])
        alteration = self._accidentals.alteration(
            note, token["accidental"], self._settings.key, self._settings.propagation
        )
        struck = self._chord or _Struck(length)
        struck.length = length if struck.length is None else struck.length
        struck.pitches.append(sounding(note, alteration, self._settings.shift.semitones))
        struck.letters.append((note, alteration))
        if len(struck.pitches) > NUM_PITCHES:
            raise ValueError(f"a chord has at most {NUM_PITCHES} notes")
        if self._chord is None:
            self._strike(struck, length)

    def _strike(self, struck: _Struck, length: Fraction) -> None:
        (pitch, name), size = max(struck.pitches), len(struck.pitches)
        check_num_notes(len(self._rows) + 1)
        if self._in_grace:
            self._rows.append(_Row(Fraction(0), pitch, name, size))
            return
        tied = any(struck.pitches[index][0] == pitch for index in struck.tied)  # whether the top note is tied
        self._append(_Row(length, pitch, name, size, tied))
        self._last_letters = struck.letters
        self._accidentals.tie(struck.letters[index] for index in struck.tied)

    def _rest(self, length: Fraction) -> None:
        if self._chord is None and not self._in_grace and length:
            self._append(_Row(length, REST, "rest", 0))
            self._last_letters = []

    def _append(self, row: _Row) -> None:
        """Append a row that is not a grace note, after applying its tuplet and broken rhythm."""
        if self._num_tupled:
            row.duration *= self._tuplet
            self._num_tupled -= 1
        if self._after_broken != 1:
            row.duration *= self._after_broken
            self._after_broken = Fraction(1)
        self._rows.append(row)
        self._last = row
        self._accidentals.end_ties()

    def _bars(self, token: re.Match[str]) -> None:
        """Append rests of whole bars, one for each bar."""
        count = number(token["count"] or "1")
        self._num_silent_bars += count
        if self._num_silent_bars > MAX_SILENT_BARS:
            raise ValueError(f"a voice rests for at most {MAX_SILENT_BARS} bars: got {token[0]}")
        length = _QUARTERS * Fraction(*(self._settings.metre or (4, 4)))
        self._num_tupled, self._after_broken = 0, Fraction(1)
        for _ in range(count):
            self._rest(length)

    def _bar(self, text: str) -> None:
        self.end_line()
        self._bar_rows.append(len(self._rows))
        if self._turns is not None:
            self._turns.bar(len(self._rows), text)
        if not self._in_overlay_brackets:
            self._overlay_bars = max(0, self._overlay_bars - 1)
        self._accidentals.end_bar()

    def _tie(self, _token: re.Match[str]) -> None:
        if self._chord is not None:
            self._chord.tied.update([len(self._chord.pitches) - 1] if self._chord.pitches else [])
        elif self._last is not None and not self._in_grace:
            self._last.tied = self._last.pitch != REST
            self._accidentals.tie(self._last_letters)

    def _open_chord(self, _token: re.Match[str]) -> None:
        self._chord = _Struck()

    def _old_chord(self, token: re.Match[str]) -> None:
        for inner in tokens(f"[{token[0][1:-1]}]"):
            self.take(inner)

    def _close_chord(self, factor: Fraction) -> None:
        chord, self._chord = self._chord, None
        if chord is not None and chord.length is not None:
            self._strike(chord, chord.length * factor)

    def _open_grace(self, _token: re.Match[str]) -> None:
        self._in_grace = True

    def _close_grace(self, _token: re.Match[str]) -> None:
        self._in_grace = False

    def _break_rhythm(self, token: re.Match[str]) -> None:
        if self._chord is None and not self._in_grace and self._last is not None and self._after_broken == 1:
            shorter = Fraction(1, 2 ** min(len(token[0]), _MAX_DOTS))
            before, after = (2 - shorter, shorter) if token[0][0] == ">" else (shorter, 2 - shorter)
            self._last.duration *= before
            self._after_broken = after

    def _open_tuplet(self, token: re.Match[str]) -> None:
        if self._in_grace:
            return
        count = number(token["p"])
        compound = self._settings.metre is not None and self._settings.metre[0] in _COMPOUND_BEATS
        in_time_of = number(token["q"] or "0") or _IN_TIME_OF.get(count, 3 if compound else 2)
        if count > 1:
            self._tuplet = Fraction(in_time_of, count)
            self._num_tupled = number(token["r"] or "0") or count

    def _overlay(self, mark: str) -> None:
        """Skip an overlaid voice: one bar for each &, or everything up to "&)"."""
        if mark == "(&":
            self._in_overlay_brackets = True
        elif mark.endswith(")"):
            self._in_overlay_brackets, self._overlay_bars = False, 0
        else:
            self._overlay_bars = len(mark)

    def _microtone(self, token: re.Match[str]) -> None:
        raise ValueError(f"microtones cannot be read: got {token[0]}")
