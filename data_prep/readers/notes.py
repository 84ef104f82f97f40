"""The result of reading a file: its voices, exact and lossless for melodies.

Units: times are whole ticks of 1/resolution quarter note, where the resolution is the piece's own least common
denominator, so that every time is an exact fraction; pitch is MIDI 0..127 or REST; velocity is MIDI 0..127.

A row is one event of a voice: a note, a chord (its top note), a rest, or a grace note (duration 0). Rows are
in the order of the source, and those with a duration follow one another without gap or overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from operator import add
from typing import Literal, NamedTuple, TypeAlias
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import one_line
from data_prep.limits import check_length, check_num_notes
from data_prep.pitches import REST

Repeats: TypeAlias = Literal["written", "played"]
"""How the repeats of a score are read: each section once, as it is written, or as often as it is played."""

PITCHES = range(128)
"""MIDI's pitches."""

MAX_TICKS = 2**53
"""What a piece's clock counts to: far within int64, and exact as a float."""


_NO_CLOCK = "its times have no common clock: to count all of them a quarter note is parted too finely"
_NAMES = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")


class Note(NamedTuple):
    """One row as a reader makes it.

    Attributes:
        onset: In quarter notes from the beginning of the piece.
        duration: In quarter notes; 0 for a grace note.
        pitch: MIDI pitch or REST.
        spelling: music21's nameWithOctave, "rest" for a rest.
        chord_size: Notes struck together: 1, more for a chord, 0 for a rest.
        tied: The source joins it to the next note by a tie.
        velocity: MIDI velocity, None where the source has none.
    """

    onset: Fraction
    duration: Fraction
    pitch: int
    spelling: str
    chord_size: int = 1
    tied: bool = False
    velocity: int | None = None


class Metre(NamedTuple):
    """A time signature from a time on."""

    onset: Fraction
    beats: int
    unit: int

    @property
    def bar_length(self) -> Fraction:
        """Length of a bar in quarter notes."""
        return Fraction(4 * self.beats, self.unit)


class Key(NamedTuple):
    """A key signature from a time on: the tonic's pitch class 0..11, and the mode in words ("" where unknown)."""

    onset: Fraction
    tonic: int
    mode: str


@dataclass(frozen=True)
class Heading:
    """What is known about a piece besides its notes.

    Attributes:
        tune: Its number or name within the file, "" where the file holds one score.
        part: The voice's name, "" where the score has one voice.
        title: Its title, "" where the source has none.
        composer: Its composer, "" where the source has none.
        num_parts: Voices of the score that this one belongs to, itself included.
        metres: Time signatures in the order of their onsets; empty where the source has none.
        keys: Key signatures in the order of their onsets; empty where the source has none.
        pickup: Length of the opening partial bar in quarter notes, 0 where there is none.
    """

    tune: str
    part: str
    title: str
    composer: str
    num_parts: int
    metres: tuple[Metre, ...]
    keys: tuple[Key, ...]
    pickup: Fraction


@dataclass(frozen=True)
class Piece:
    """One monophonic voice as read.

    Attributes:
        heading: What is known of it.
        resolution: Ticks in a quarter note.
        onset: [n] int64 ticks.
        duration: [n] int64 ticks; 0 for a grace note.
        pitch: [n] int16, MIDI pitch or REST.
        spelling: [n] names.
        chord_size: [n] int16, 1 for a note, more for a chord, 0 for a rest.
        tied: [n] bool, joined to the next note by a tie.
        velocity: [n] int16, -1 where the source has none.
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
        """Make the columns of a voice's notes, with the least resolution that holds all of them exactly.

        Args:
            heading: What is known of the voice.
            notes: Its rows.

        Returns:
            The piece.

        Raises:
            ValueError: If it has more notes, lasts longer, or has other pitches than music, or if its times have no
                common clock that counts them, and the places of its bars, below MAX_TICKS.
        """
        check_num_notes(len(notes))
        for note in notes:
            if note.pitch not in PITCHES and (note.pitch, note.chord_size) != (REST, 0):
                raise ValueError(
                    f"pitches from {PITCHES[0]} to {PITCHES[-1]} are read: {note.spelling} is {note.pitch}"
                )
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
        """Number of notes and chords: neither rests nor grace notes."""
        return int(np.count_nonzero((self.pitch != REST) & (self.duration > 0)))

    @property
    def num_timed(self) -> int:
        """Number of notes, chords and rests: all but grace notes."""
        return int(np.count_nonzero(self.duration > 0))


def _resolution(notes: Sequence[Note]) -> int:
    """Return the least resolution of some notes."""
    resolution = 1
    for denominator in {time.denominator for note in notes for time in (note.onset, note.duration)}:
        resolution = lcm(resolution, denominator)
        if resolution > MAX_TICKS:
            raise ValueError(_NO_CLOCK)
    return resolution


def _check_ticks(heading: Heading, resolution: int, end: int) -> None:
    """Reject notes that last too long, or whose bars cannot be counted below MAX_TICKS."""
    check_length(Fraction(end, resolution))
    bar_length = heading.metres[0].bar_length if heading.metres else Fraction(1)
    common = lcm(resolution, bar_length.denominator, heading.pickup.denominator)
    if common * max(Fraction(end, resolution), bar_length, 1) > MAX_TICKS:
        raise ValueError(_NO_CLOCK)


@dataclass(frozen=True)
class Unread:
    """A tune that could not be read.

    Attributes:
        tune: Its number in the file, "" for the whole file.
        reason: Why, in one line.
        passing: The file's contents do not decide it, so that it may be readable another time.
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
        """Whether reading the same file again may give more."""
        return any(unread.passing for unread in self.unread)


def reason(error: BaseException, form: str = "music") -> str:
    """Return in one line why something could not be read.

    Args:
        error: The exception. The message of a ValueError of this package is the reason; for other errors the type is
            added.
        form: The format in which it was to be read.

    Returns:
        The line.

    Raises:
        MemoryError: If it is one: the cause is this machine, not what was read.
    """
    if isinstance(error, MemoryError):
        raise error
    line, name = one_line(error), type(error).__name__
    if isinstance(error, ValueError) and line != name and _is_ours(error):
        return line
    return f"it cannot be read as {form}: {line if line == name else f'{name}: {line}'}"


def _is_ours(error: BaseException) -> bool:
    """Return whether our own code raised an error, or it has not been raised yet."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else __name__
    return module.partition(".")[0] == __name__.partition(".")[0]


def clean_name(name: str) -> str:
    """Return a name in one line without control characters, which would change a terminal."""
    return " ".join("".join(letter for letter in name if letter.isspace() or category(letter) != "Cc").split())


def midi_name(pitch: int) -> str:
    """Return the name that music21 gives a bare MIDI pitch ("C#4", "B-3")."""
    return f"{_NAMES[pitch % len(_NAMES)]}{pitch // len(_NAMES) - 1}"
