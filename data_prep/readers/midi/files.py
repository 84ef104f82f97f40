"""The contents of a MIDI file: notes with their programs, tempos, signatures and names of tracks.

The program of a channel is the last one set by any track, or by the same track in a file of independent tracks (format
2). At the tick of a note, only program changes before it in the file apply. The initial program is 0.

Invalid time and key signatures and meta events after the last note are skipped.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data_prep.limits import check_length, check_num_notes, is_metre
from data_prep.pitches import NUM_PITCHES
from data_prep.readers.midi.chunks import read_chunks
from data_prep.readers.midi.events import (
    KEY,
    METRE,
    NOTE_ON,
    NUM_CHANNELS,
    PROGRAM,
    TEMPO,
    TRACK_NAME,
    Events,
    Meta,
    read_events,
)
from data_prep.readers.notes import clean_name, decoded
from data_prep.wording import by_number, counted

DRUMS = 9
"""Channel of percussion, counted from 0."""

PIANO_PROGRAMS = range(8)
"""Programs of General MIDI that are pianos, counted from 0."""

INDEPENDENT_TRACKS = 2
"""Format of files whose tracks are separate pieces."""

MAX_UNENDED_SHARE = 0.1
"""Maximum share of notes without a release: a few are errors of recording, more mean that the notes are wrong."""

_SECONDS_CLOCK = 0x8000
_MAX_FIFTHS = 7
_SIGNATURE_BYTES, _TEMPO_BYTES = 2, 3


@dataclass(frozen=True)
class MidiNotes:
    """The n note-ons with a velocity above 0, in byte order.

    Attributes:
        tick: [n] int64, ticks from the beginning of the track.
        end: [n] int64, tick of the release: the first of the same key, channel and track that does not end an earlier
            note, or the end of the track for a note that is never released.
        released: [n] bool, whether the note is released.
        pitch: [n] int16, MIDI pitch.
        velocity: [n] int16, 1..127.
        channel: [n] int16, 0..15.
        program: [n] int16, 0..127, program of the channel at the note-on.
        track: [n] int64, index of the track, from 0.
        offset: [n] int64, offset of the velocity in the file.
    """

    tick: NDArray[np.int64]
    end: NDArray[np.int64]
    released: NDArray[np.bool_]
    pitch: NDArray[np.int16]
    velocity: NDArray[np.int16]
    channel: NDArray[np.int16]
    program: NDArray[np.int16]
    track: NDArray[np.int64]
    offset: NDArray[np.int64]

    @property
    def is_piano(self) -> NDArray[np.bool_]:
        """[n] bool, whether a piano plays the note."""
        return (self.program < PIANO_PROGRAMS.stop) & (self.channel != DRUMS)

    def of(self, chosen: NDArray[np.bool_ | np.integer]) -> "MidiNotes":
        """Return the notes with the given indices or mask."""
        return MidiNotes(**{name: column[chosen] for name, column in vars(self).items()})


@dataclass(frozen=True)
class TimeSignature:
    """A time signature and the tick from which it applies."""

    tick: int
    beats: int
    unit: int


@dataclass(frozen=True)
class KeySignature:
    """A key signature and the tick from which it applies: number of sharps, or of flats if negative, -7..7."""

    tick: int
    fifths: int
    is_minor: bool


@dataclass(frozen=True)
class MidiFile:
    """The contents of a MIDI file.

    Attributes:
        format: 0 for one track, 1 for simultaneous tracks, 2 for independent tracks.
        resolution: Ticks per quarter note.
        notes: The notes.
        tempos: (tick, microseconds per quarter note), in the order of ticks.
        metres: Valid time signatures in the order of ticks.
        keys: Valid key signatures in the order of ticks.
        names: Names of tracks, by index of the track.
    """

    format: int
    resolution: int
    notes: MidiNotes
    tempos: tuple[tuple[int, int], ...]
    metres: tuple[TimeSignature, ...]
    keys: tuple[KeySignature, ...]
    names: dict[int, str]


def read(data: bytes) -> MidiFile:
    """Parse a file.

    Args:
        data: Contents of the file.

    Returns:
        The parsed file.

    Raises:
        ValueError: If the file is not a MIDI file, is cut short, broken or too large, has a clock in seconds instead of
            beats, or has no notes. The message is one line.
    """
    chunks = read_chunks(data)
    if chunks.division >= _SECONDS_CLOCK:
        raise ValueError("its clock counts fractions of seconds, so its beats are unknown")
    if chunks.division == 0:
        raise ValueError("its clock has no ticks: 0 ticks per quarter note")
    events = read_events(data, chunks)
    notes = _notes(data, events, independent=chunks.format == INDEPENDENT_TRACKS)
    if not len(notes.tick):
        raise ValueError("there are no notes in it")
    check_num_notes(len(notes.tick))
    last = int(max(notes.tick.max(), notes.end[notes.released].max(initial=0)))
    check_length(last / chunks.division)
    metas = sorted((meta for meta in events.metas if meta.tick <= last), key=lambda meta: meta.tick)
    return MidiFile(
        format=chunks.format,
        resolution=chunks.division,
        notes=notes,
        tempos=tuple(_tempos(metas)),
        metres=tuple(metre for metre in map(_metre, metas) if metre is not None),
        keys=tuple(key for key in map(_key, metas) if key is not None),
        names={meta.track: clean_name(decoded(meta.content)) for meta in reversed(metas) if meta.kind == TRACK_NAME},
    )


def check_releases(notes: MidiNotes) -> None:
    """Raise ValueError if too many notes are never released.

    Args:
        notes: The notes that are used, at least one.

    Raises:
        ValueError: If all of them are never released, or more than one and more than MAX_UNENDED_SHARE of them.
    """
    count, unended = len(notes.tick), int(np.count_nonzero(~notes.released))
    if unended > max(1, MAX_UNENDED_SHARE * count) or unended == count:
        raise ValueError(f"{unended} of its {counted(count, 'note')} never {by_number(unended, 'ends', 'end')}")


def sounding(notes: MidiNotes, line: NDArray[np.int64]) -> MidiNotes:
    """Remove overlaps of notes with the same key and line.

    If a key is struck several times at one tick, the loudest note is kept. A note lasts until the first later release
    of its key, or until the next strike of its key if that is earlier. A note that is released at its own tick lasts
    one tick.

    Args:
        notes: The n notes.
        line: [n] number of the line on which each note is played.

    Returns:
        The notes that sound, with their new ends, in the order of (tick, pitch).
    """
    key = np.unique(line, return_inverse=True)[1] * NUM_PITCHES + notes.pitch
    span = int(max(notes.tick.max(initial=0), notes.end.max(initial=0))) + 2
    by_key = np.lexsort((-notes.velocity, notes.tick, key))
    strike = (key * span + notes.tick)[by_key]
    first = np.append(True, strike[1:] != strike[:-1])[: len(strike)]
    strike, kept = strike[first], by_key[first]
    # the ends that read() assigned first in, first out are reassigned to strikes by key and time
    release = np.sort((key * span + notes.end)[notes.end > notes.tick])
    end = np.append(release, -1)[np.searchsorted(release, strike, "right")]
    end = np.where(end // span == strike // span, end % span, strike % span + 1)
    following = np.append(strike[1:], -1)
    end = np.where(following // span == strike // span, np.minimum(end, following % span), end)
    order = np.lexsort((notes.pitch[kept], notes.tick[kept]))
    return replace(notes.of(kept[order]), end=end[order])


def _notes(data: bytes, events: Events, *, independent: bool) -> MidiNotes:
    values = np.frombuffer(data, np.uint8)
    value, pitch = (values[events.offset - back].astype(np.int16) for back in (0, 1))
    channel, is_note = events.status % NUM_CHANNELS, events.status < PROGRAM
    struck = is_note & (events.status >= NOTE_ON) & (value > 0)
    check_num_notes(int(np.count_nonzero(struck)))
    line = channel + NUM_CHANNELS * events.track
    program = _in_force(~is_note, value, events.tick, line if independent else channel)
    end = np.full(len(value), -1)
    ended, ending = _paired((line * NUM_PITCHES + pitch)[is_note], struck[is_note])
    places = np.flatnonzero(is_note)
    end[places[ended]] = events.tick[places[ending]]
    released = end >= 0
    return MidiNotes(
        tick=events.tick,
        end=np.where(released, end, events.track_end[events.track]),
        released=released,
        pitch=pitch,
        velocity=value,
        channel=channel.astype(np.int16),
        program=program,
        track=events.track,
        offset=events.offset,
    ).of(struck)


def _paired(key: NDArray[np.int64], struck: NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    """Return the indices of strikes and of their releases: each release ends the first sounding strike of its key."""
    sounding: defaultdict[int, deque[int]] = defaultdict(deque)
    ended: list[int] = []
    ending: list[int] = []
    for index, (number, is_strike) in enumerate(zip(key.tolist(), struck.tolist(), strict=True)):
        if is_strike:
            sounding[number].append(index)
        elif strikes := sounding.get(number):
            ended.append(strikes.popleft())
            ending.append(index)
    return ended, ending


def _in_force(
    is_change: NDArray[np.bool_], value: NDArray[np.int16], tick: NDArray[np.int64], line: NDArray[np.int64]
) -> NDArray[np.int16]:
    """Return the program [m] of the line of each event, after the event if it is a program change."""
    if not is_change.any():
        return np.zeros_like(value)
    order = np.lexsort((tick, line))  # stable: events of one tick stay in the order of the bytes
    latest = np.maximum.accumulate(np.where(is_change[order], np.arange(len(order)), -1))
    here = (latest >= 0) & (line[order][latest] == line[order])
    program = np.zeros_like(value)
    program[order] = np.where(here, value[order][latest], 0)
    return program


def _tempos(metas: list[Meta]) -> list[tuple[int, int]]:
    tempos = (meta for meta in metas if meta.kind == TEMPO and len(meta.content) == _TEMPO_BYTES)
    return [(meta.tick, int.from_bytes(meta.content, "big")) for meta in tempos]


def _metre(meta: Meta) -> TimeSignature | None:
    if meta.kind != METRE or len(meta.content) < _SIGNATURE_BYTES:
        return None
    beats, unit = meta.content[0], 1 << meta.content[1]
    return TimeSignature(meta.tick, beats, unit) if is_metre(beats, unit) else None


def _key(meta: Meta) -> KeySignature | None:
    if meta.kind != KEY or len(meta.content) < _SIGNATURE_BYTES:
        return None
    fifths, mode = int.from_bytes(meta.content[:1], "big", signed=True), meta.content[1]
    return KeySignature(meta.tick, fifths, bool(mode)) if abs(fifths) <= _MAX_FIFTHS and mode in (0, 1) else None
