"""The result of reading a file: the voices of its music, with exact times.

Units: times are ticks of 1/resolution quarter note, where the resolution of a piece is the least common denominator of
its times; pitches are MIDI 0..127 or REST; velocities are MIDI 0..127.

A row is one event of a voice: a note, a chord (represented by its top note), a rest or a grace note (duration 0). Rows
are in the order of the source, and those with a duration follow each other without gaps or overlaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from operator import add
from traceback import walk_tb
from typing import Literal, NamedTuple, TypeAlias
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import one_line
from data_prep.limits import check_length, check_num_notes
from data_prep.pitches import NUM_PITCHES, REST

Repeats: TypeAlias = Literal["written", "played"]
"""How to read the repeats of a score: each section once, as written, or as often as it is played."""

MAX_TICKS = 2**53
"""Maximum time of a piece (ticks). It fits in an int64 and is exact as a float."""

_NO_CLOCK = "its times have no common clock: the common denominator of all of them is too large"
_NAMES = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")


class Note(NamedTuple):
    """One row of a voice, as created by a reader.

    Attributes:
        onset: Time from the beginning of the piece (quarter notes).
        duration: Duration (quarter notes), 0 for a grace note.
        pitch: MIDI pitch or REST.
        spelling: Name in the form of music21's nameWithOctave, "rest" for a rest.
        chord_size: Number of notes struck together: 1 for a note, more for a chord, 0 for a rest.
        tied: Whether a tie leads to the next note.
        velocity: MIDI velocity, None if the source has none.
    """

    onset: Fraction
    duration: Fraction
    pitch: int
    spelling: str
    chord_size: int = 1
    tied: bool = False
    velocity: int | None = None


class Metre(NamedTuple):
    """A time signature and the time from which it applies (quarter notes)."""

    onset: Fraction
    beats: int
    unit: int

    @property
    def bar_length(self) -> Fraction:
        """Length of a bar (quarter notes)."""
        return Fraction(4 * self.beats, self.unit)


class Key(NamedTuple):
    """A key signature: onset (quarter notes), pitch class of the tonic 0..11, and name of the mode ("" if unknown)."""

    onset: Fraction
    tonic: int
    mode: str


@dataclass(frozen=True)
class Heading:
    """Names, signatures and pickup of a piece.

    Attributes:
        tune: Number or name of the score in its file, "" if the file contains only one.
        part: Name of the voice, "" if the score has only one.
        title: Title, "" if the source has none.
        composer: Composer, "" if the source has none.
        num_parts: Number of voices of the score, including this one.
        metres: Time signatures in the order of their onsets, empty if the source has none.
        keys: Key signatures in the order of their onsets, empty if the source has none.
        pickup: Length of the opening partial bar (quarter notes), 0 if there is none.
        begin: Time of the score at which the voice begins (quarter notes): silent bars before it are cut off.
    """

    tune: str
    part: str
    title: str
    composer: str
    num_parts: int
    metres: tuple[Metre, ...]
    keys: tuple[Key, ...]
    pickup: Fraction
    begin: Fraction = Fraction(0)


@dataclass(frozen=True)
class Piece:
    """One monophonic voice with n rows.

    Attributes:
        heading: Names, signatures and pickup.
        resolution: Ticks per quarter note.
        onset: [n] int64 ticks.
        duration: [n] int64 ticks; 0 for a grace note.
        pitch: [n] int16, MIDI pitch or REST.
        spelling: [n] names.
        chord_size: [n] int16, 1 for a note, more for a chord, 0 for a rest.
        tied: [n] bool, whether a tie leads to the next note.
        velocity: [n] int16, -1 if the source has none.
    """

    heading: Heading
    resolution: int
    onset: NDArray[np.int64]
    duration: NDArray[np.int64]
    pitch: NDArray[np.int16]
    spelling: tuple[str, ...]
    chord_size: NDArray[np.int16]
    tied: NDArray[np.bool_]
    velocity: NDArray[np.int16]

    @classmethod
    def of(cls, heading: Heading, notes: Sequence[Note]) -> "Piece":
        """Create a piece from its rows, with the smallest resolution in which all times are exact.

        Args:
            heading: Names, signatures and pickup.
            notes: The rows.

        Returns:
            The piece.

        Raises:
            ValueError: If the piece has too many notes, is too long or has a pitch outside MIDI's range, or if its
                times and bar lines have no common clock below MAX_TICKS.
        """
        check_num_notes(len(notes))
        for note in notes:
            if not 0 <= note.pitch < NUM_PITCHES and (note.pitch, note.chord_size) != (REST, 0):
                raise ValueError(f"pitches from 0 to {NUM_PITCHES - 1} are read: {note.spelling} is {note.pitch}")
        resolution = _resolution(notes)
        onset = [note.onset.numerator * (resolution // note.onset.denominator) for note in notes]
        duration = [note.duration.numerator * (resolution // note.duration.denominator) for note in notes]
        _check_ticks(heading, resolution, max(map(add, onset, duration), default=0))
        return cls(
            heading=heading,
            resolution=resolution,
            onset=np.array(onset, np.int64),
            duration=np.array(duration, np.int64),
            pitch=np.array([note.pitch for note in notes], np.int16),
            spelling=tuple(note.spelling for note in notes),
            chord_size=np.array([note.chord_size for note in notes], np.int16),
            tied=np.array([note.tied for note in notes], np.bool_),
            velocity=np.array([-1 if note.velocity is None else note.velocity for note in notes], np.int16),
        )

    @property
    def num_sounding(self) -> int:
        """Number of notes and chords, without rests and grace notes."""
        return int(np.count_nonzero((self.pitch != REST) & (self.duration > 0)))

    @property
    def num_timed(self) -> int:
        """Number of notes, chords and rests, without grace notes."""
        return int(np.count_nonzero(self.duration > 0))


def _resolution(notes: Sequence[Note]) -> int:
    """Return the smallest resolution in which the times of all notes are exact."""
    resolution = 1
    for denominator in {time.denominator for note in notes for time in (note.onset, note.duration)}:
        resolution = lcm(resolution, denominator)
        if resolution > MAX_TICKS:
            raise ValueError(_NO_CLOCK)
    return resolution


def _check_ticks(heading: Heading, resolution: int, end: int) -> None:
    """Raise ValueError if the notes end too late, or if notes and bar lines have no common clock below MAX_TICKS."""
    check_length(Fraction(end, resolution))
    bar_length = heading.metres[0].bar_length if heading.metres else Fraction(1)
    common = lcm(resolution, bar_length.denominator, heading.pickup.denominator)
    if common * max(Fraction(end, resolution), bar_length, 1) > MAX_TICKS:
        raise ValueError(_NO_CLOCK)


@dataclass(frozen=True)
class Unread:
    """A tune that could not be read.

    Attributes:
        tune: Number or name of the tune in its file, "" for the whole file.
        reason: The reason, in one line.
        passing: Whether reading it again may succeed, because the cause is not the contents of the file.
    """

    tune: str
    reason: str
    passing: bool = False


@dataclass(frozen=True)
class Reading:
    """The result of reading one file."""

    pieces: tuple[Piece, ...]
    unread: tuple[Unread, ...]

    @property
    def is_passing(self) -> bool:
        """Whether reading the same file again may return more."""
        return any(unread.passing for unread in self.unread)


def reason(error: BaseException, form: str = "music") -> str:
    """Return the reason for a failed read, in one line.

    Args:
        error: The exception. For a ValueError that this package raised, the reason is its message; for other errors,
            the reason includes the type.
        form: Name of the expected format.

    Returns:
        The reason.

    Raises:
        MemoryError: If ``error`` is one, because its cause is the machine and not the file.
    """
    if isinstance(error, MemoryError):
        raise error
    line, name = one_line(error), type(error).__name__
    if isinstance(error, ValueError) and line != name and _is_ours(error):
        return line
    return f"it cannot be read as {form}: {line if line == name else f'{name}: {line}'}"


def _is_ours(error: BaseException) -> bool:
    """Return whether this package raised an error, or whether it has not been raised yet."""
    modules = [__name__, *(frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))]
    return modules[-1].partition(".")[0] == __name__.partition(".")[0]


def decoded(data: bytes) -> str:
    """Decode text from UTF-8, with or without a byte order mark, or else from Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def clean_name(name: str) -> str:
    """Return a name in one line, without control characters that a terminal would interpret."""
    return " ".join("".join(letter for letter in name if letter.isspace() or category(letter) != "Cc").split())


def midi_name(pitch: int) -> str:
    """Return music21's name of a MIDI pitch, as "C#4" or "B-3"."""
    return f"{_NAMES[pitch % len(_NAMES)]}{pitch // len(_NAMES) - 1}"
