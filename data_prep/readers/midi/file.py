"""A MIDI file: its notes with what plays them, its tempos, signatures and names; read for all uses by the same rules.

A channel's program is the latest that any track has set, in a file of independent tracks (format 2) its own track; of
changes at a note's own tick only those before it in the file count; before any it is 0.

Values that make no metre or key are skipped, and so are meta events after the last note.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data_prep.limits import check_length, check_num_notes, is_metre
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
from data_prep.readers.notes import clean_name
from data_prep.wording import by_number, counted

DRUMS = 9
"""The channel of percussion, from 0."""

PIANO_PROGRAMS = range(8)
"""General MIDI's programs, from 0, that are pianos."""

INDEPENDENT_TRACKS = 2
"""The format of files whose tracks are pieces of their own."""

MAX_UNENDED_SHARE = 0.1
"""Of notes that are never released: a few are errors of a recorder, more mean that the notes are wrong."""

_NUM_KEYS = 128
_SECONDS_CLOCK = 0x8000
_MAX_FIFTHS = 7
_SIGNATURE_BYTES = 2


@dataclass(frozen=True)
class MidiNotes:
    """Every note-on with a velocity above 0, in the order of the bytes.

    Attributes:
        tick: [n] int64, from the beginning of the track.
        end: [n] int64, the tick of the release: the first of its key, channel and track that ends no earlier strike;
            the track's end for a note that is never released.
        released: [n] bool, whether it is.
        pitch: [n] int16, MIDI pitch.
        velocity: [n] int16, 1..127.
        channel: [n] int16, 0..15.
        program: [n] int16, 0..127, in force on the channel as the note is struck.
        track: [n] int64, from 0.
        offset: [n] int64, where in the file the velocity stands.
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
        """[n] whether a piano plays the note."""
        return (self.program < PIANO_PROGRAMS.stop) & (self.channel != DRUMS)

    def of(self, chosen: NDArray[np.bool_ | np.integer]) -> "MidiNotes":
        """Choose some of the notes."""
        return MidiNotes(**{name: column[chosen] for name, column in vars(self).items()})


@dataclass(frozen=True)
class TimeSignature:
    """A time signature from a tick on."""

    tick: int
    beats: int
    unit: int


@dataclass(frozen=True)
class KeySignature:
    """A key signature from a tick on: sharps, or flats if negative, -7..7."""

    tick: int
    fifths: int
    is_minor: bool


@dataclass(frozen=True)
class MidiFile:
    """A MIDI file.

    Attributes:
        format: 0 one track, 1 simultaneous tracks, 2 independent ones.
        resolution: Ticks in a quarter note.
        notes: Its notes.
        tempos: Tick and microseconds of a quarter note, in the order of ticks.
        metres: Time signatures in the order of ticks; invalid ones are left out.
        keys: Key signatures in the order of ticks; invalid ones are left out.
        names: The tracks' names by the track's number, where they have one.
    """

    format: int
    resolution: int
    notes: MidiNotes
    tempos: tuple[tuple[int, int], ...]
    metres: tuple[TimeSignature, ...]
    keys: tuple[KeySignature, ...]
    names: dict[int, str]


def read(data: bytes) -> MidiFile:
    """Read a file.

    Args:
        data: Its contents.

    Returns:
        What it says.

    Raises:
        ValueError: If it is no MIDI file, is cut short, broken or larger than files of music are, counts seconds
            instead of beats, or has no notes. The message is one line.
    """
    chunks = read_chunks(data)
    if chunks.division >= _SECONDS_CLOCK:
        raise ValueError("its clock counts parts of seconds, so there are no beats to read notes by")
    if chunks.division == 0:
        raise ValueError("its clock has no ticks: 0 ticks a quarter note")
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
        names={meta.track: decoded(meta.content) for meta in reversed(metas) if meta.kind == TRACK_NAME},
    )


def check_releases(notes: MidiNotes) -> None:
    """Reject notes of which too many are never released.

    Args:
        notes: The notes that are to be used, at least one.

    Raises:
        ValueError: If it is more than one, and more than MAX_UNENDED_SHARE of them, or all.
    """
    count, unended = len(notes.tick), int(np.count_nonzero(~notes.released))
    if unended > max(1, MAX_UNENDED_SHARE * count) or unended == count:
        raise ValueError(f"{unended} of its {counted(count, 'note')} never {by_number(unended, 'ends', 'end')}")


def sounding(notes: MidiNotes, line: NDArray[np.int64]) -> MidiNotes:
    """Find what is heard of notes when each key of a line sounds once at a time.

    Of several strikes of one key at one tick the loudest is kept. A note lasts to the first release of its key after
    it, or to the key's next strike if that is earlier; one that is released as it is struck lasts a tick.

    Args:
        notes: The notes.
        line: [n] the line that each is played on.

    Returns:
        Those that sound, with their ends, by (tick, pitch) of all lines.
    """
    key = np.unique(line, return_inverse=True)[1] * _NUM_KEYS + notes.pitch
    span = int(max(notes.tick.max(initial=0), notes.end.max(initial=0))) + 2
    by_key = np.lexsort((-notes.velocity, notes.tick, key))
    strike = (key * span + notes.tick)[by_key]
    first = np.append(True, strike[1:] != strike[:-1])[: len(strike)]
    strike, kept = strike[first], by_key[first]
    # releases were paired first in, first out; which of them ends a strike is decided again, by key and time
    release = np.sort((key * span + notes.end)[notes.end > notes.tick])
    end = np.append(release, -1)[np.searchsorted(release, strike, "right")]
    end = np.where(end // span == strike // span, end % span, strike % span + 1)
    following = np.append(strike[1:], -1)
    end = np.where(following // span == strike // span, np.minimum(end, following % span), end)
    order = np.lexsort((notes.pitch[kept], notes.tick[kept]))
    return replace(notes.of(kept[order]), end=end[order])


def decoded(name: bytes) -> str:
    """Return a name as text: UTF-8, or else Latin-1, in one line without control characters."""
    try:
        text = name.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = name.decode("latin-1")
    return clean_name(text)


def _notes(data: bytes, events: Events, *, independent: bool) -> MidiNotes:
    values = np.frombuffer(data, np.uint8)
    value, pitch = (values[events.offset - back].astype(np.int16) for back in (0, 1))
    channel, is_note = events.status % NUM_CHANNELS, events.status < PROGRAM
    struck = is_note & (events.status >= NOTE_ON) & (value > 0)
    check_num_notes(int(np.count_nonzero(struck)))
    line = channel + NUM_CHANNELS * events.track
    program = _in_force(~is_note, value, events.tick, line if independent else channel)
    end = np.full(len(value), -1)
    ended, ending = _paired((line * _NUM_KEYS + pitch)[is_note], struck[is_note])
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
    """Pair each release with the first strike of its key that still sounds; one without such a strike ends nothing."""
    sounding: defaultdict[int, deque[int]] = defaultdict(deque)
    ended: list[int] = []
    ending: list[int] = []
    for at, (one, strikes) in enumerate(zip(key.tolist(), struck.tolist(), strict=True)):
        if strikes:
            sounding[one].append(at)
        elif waiting := sounding.get(one):
            ended.append(waiting.popleft())
            ending.append(at)
    return ended, ending


def _in_force(
    is_change: NDArray[np.bool_], value: NDArray[np.int16], tick: NDArray[np.int64], line: NDArray[np.int64]
) -> NDArray[np.int16]:
    """[m] the program in force on each event's line, its own if the event is a change."""
    if not is_change.any():
        return np.zeros_like(value)
    order = np.lexsort((tick, line))  # stable: events of one tick stay in the order of the bytes
    latest = np.maximum.accumulate(np.where(is_change[order], np.arange(len(order)), -1))
    here = (latest >= 0) & (line[order][latest] == line[order])
    program = np.zeros_like(value)
    program[order] = np.where(here, value[order][latest], 0)
    return program


def _tempos(metas: list[Meta]) -> list[tuple[int, int]]:
    width = 3
    return [
        (meta.tick, int.from_bytes(meta.content, "big"))
        for meta in metas
        if meta.kind == TEMPO and len(meta.content) == width
    ]


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
