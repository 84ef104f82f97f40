# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (music21 has no types for the parts that are used here)
"""MIDI files, through music21's events: notes of each track and channel, put on the grid and split into voices.

The events are read instead of music21's streams, which quantise by a rule of their own and cut notes at bar lines.
Drums (channel 10) have no pitches and are left out. The spelling is the one that music21 gives a bare MIDI number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from music21.midi import ChannelVoiceMessages, MetaEvents, MidiEvent, MidiFile
from music21.pitch import Pitch

from data_prep.grid import ARTICULATION_GAP, DIVISIONS, snap
from data_prep.notes import Heading, Key, Metre, Note, Piece, Reading
from data_prep.readers.chunks import check_chunks
from data_prep.voices import fill_gaps, signatures_from, split, stack_chords

DRUMS = 10
"""The channel of percussion, from 1."""

_MAJOR_TONICS = {sharps: sharps * 7 % 12 for sharps in range(-7, 8)}


def read(path: Path) -> Reading:
    """Read a file's tracks and channels, each split into voices.

    Args:
        path: The file.

    Returns:
        One piece for each voice.

    Raises:
        ValueError: If the file is cut short, counts seconds instead of beats, or has no notes.
        Exception: Whatever music21 raises for what is no MIDI.
    """
    data = path.read_bytes()
    check_chunks(data)
    file = MidiFile()
    file.readstr(data)
    if file.ticksPerSecond:
        raise ValueError("its clock counts parts of seconds, so there are no beats to read notes by")
    score = _Score()
    for index, track in enumerate(file.tracks):
        now = 0
        for event in track.events:
            if event.isDeltaTime():
                now += event.time
            else:
                score.take(event, index, now)
    return Reading(tuple(score.pieces(file.ticksPerQuarterNote)), ())


@dataclass
class _Line:
    """The notes of one channel of one track."""

    notes: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])
    struck: dict[int, list[tuple[int, int]]] = field(default_factory=dict[int, list[tuple[int, int]]])

    def on(self, pitch: int, tick: int, velocity: int) -> None:
        self.struck.setdefault(pitch, []).append((tick, velocity))

    def off(self, pitch: int, tick: int) -> None:
        if self.struck.get(pitch):
            begin, velocity = self.struck[pitch].pop(0)
            if tick > begin:
                self.notes.append((begin, tick, pitch, velocity))


@dataclass
class _Score:
    """What the events of all tracks come to."""

    lines: dict[tuple[int, int], _Line] = field(default_factory=dict[tuple[int, int], _Line])
    names: dict[int, str] = field(default_factory=dict[int, str])
    metres: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    keys: dict[int, tuple[int, str]] = field(default_factory=dict[int, tuple[int, str]])

    def take(self, event: MidiEvent, track: int, tick: int) -> None:
        data = event.data if isinstance(event.data, bytes) else b""
        if event.type == MetaEvents.SEQUENCE_TRACK_NAME:
            self.names.setdefault(track, data.decode("utf-8", "replace").strip().strip("\0"))
        elif event.type == MetaEvents.TIME_SIGNATURE and len(data) >= 2:  # noqa: PLR2004  (its two numbers)
            self.metres[tick] = (data[0], 2 ** data[1])
        elif event.type == MetaEvents.KEY_SIGNATURE and len(data) >= 2:  # noqa: PLR2004  (its two numbers)
            sharps = int.from_bytes(data[:1], "big", signed=True)
            minor = data[1] == 1
            tonic = (_MAJOR_TONICS.get(sharps, 0) - 3 * minor) % 12
            self.keys[tick] = (tonic, "minor" if minor else "major")
        elif event.isNoteOn() or event.isNoteOff():
            self._take_note(event, track, tick)

    def _take_note(self, event: MidiEvent, track: int, tick: int) -> None:
        if event.channel == DRUMS or event.pitch is None:
            return
        line = self.lines.setdefault((track, event.channel or 0), _Line())
        velocity = event.velocity or 0
        if event.type == ChannelVoiceMessages.NOTE_ON and velocity > 0:
            line.on(event.pitch, tick, velocity)
        else:
            line.off(event.pitch, tick)

    def pieces(self, ticks_per_quarter: int) -> Iterator[Piece]:
        """Give every voice of every line, in the order of tracks and channels.

        Args:
            ticks_per_quarter: Of the file's clock.

        Yields:
            The voices.

        Raises:
            ValueError: If there are no notes.
        """
        signatures = [Metre(snap(tick, ticks_per_quarter), *value) for tick, value in sorted(self.metres.items())]
        metres, pickup = _pickup(signatures)
        keys = [Key(snap(tick, ticks_per_quarter), *value) for tick, value in sorted(self.keys.items())]
        voices = [
            (self._part(line, number), voice)
            for line in sorted(self.lines)
            for number, voice in enumerate(split(stack_chords(_on_grid(self.lines[line], ticks_per_quarter))), 1)
        ]
        if not voices:
            raise ValueError("there are no notes in it")
        bar_length = metres[0].bar_length if metres else Fraction(4)
        for part, voice in voices:
            filled, begin = fill_gaps(_legato(voice), bar_length, pickup)
            yield Piece.of(
                Heading(
                    tune="",
                    part=part if len(voices) > 1 else "",
                    title=self.names.get(0, "") if len(self.lines) > 1 or len(voices) == 1 else "",
                    composer="",
                    num_parts=len(voices),
                    metres=signatures_from(metres, begin),
                    keys=signatures_from(keys, begin),
                    pickup=Fraction(0) if begin else pickup,
                ),
                filled,
            )

    def _part(self, line: tuple[int, int], voice: int) -> str:
        track, channel = line
        return f"track {track + 1}, channel {channel}, voice {voice}"


def _pickup(metres: list[Metre]) -> tuple[list[Metre], Fraction]:
    """Understand a first metre of one short bar (1/4, then 4/4) as the pickup that notation programs write so."""
    if len(metres) > 1 and metres[0].onset == 0:
        first_bar = metres[1].onset
        if first_bar == metres[0].bar_length < metres[1].bar_length:
            return [metres[1]._replace(onset=Fraction(0)), *metres[2:]], first_bar
    return metres, Fraction(0)


def _on_grid(line: _Line, ticks_per_quarter: int) -> Iterator[Note]:
    for begin, end, pitch, velocity in line.notes:
        onset = snap(begin, ticks_per_quarter)
        duration = snap(end, ticks_per_quarter) - onset
        shortest = Fraction(1, max(DIVISIONS))
        yield Note(onset, max(duration, shortest), pitch, _spelling(pitch), velocity=velocity)


def _legato(voice: list[Note]) -> list[Note]:
    """Hold each note until the next where the silence between them is only touch."""
    held = [
        note._replace(duration=after.onset - note.onset)
        if 0 < after.onset - note.onset - note.duration < ARTICULATION_GAP
        else note
        for note, after in pairwise(voice)
    ]
    return [*held, *voice[-1:]]


@lru_cache(maxsize=128)
def _spelling(pitch: int) -> str:
    return Pitch(midi=pitch).nameWithOctave
