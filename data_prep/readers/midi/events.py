"""The events in the tracks of a MIDI file: notes, program changes, and some meta events; all others are skipped.

No library is used, because none reports the offset of an event in the file, and because they disagree on invalid
numbers, where some loop forever.

Sysex events cancel running status. The standard says the same of meta events, but other programs continue running
status after them, and files rely on that. A track ends at its end-of-track event. Source: Standard MIDI Files 1.0.
"""

from array import array
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.readers.midi.chunks import Chunks

NUM_CHANNELS = 16
"""Number of channels of a track."""

TRACK_NAME, TEMPO, METRE, KEY = 0x03, 0x51, 0x58, 0x59
"""Types of the meta events that are returned."""

MAX_METAS = 100_000
"""Maximum number of returned meta events of one file."""

NUMBER_BYTES = 4
"""Maximum size of a variable-length number (bytes)."""

NOTE_ON, PROGRAM = 0x90, 0xC0
"""Statuses of channel 1; each is followed by those of the other channels. Note-offs are below note-ons."""

_STATUS, _PRESSURE_OF_KEY, _PRESSURE, _PITCH_WHEEL = 0x80, 0xA0, 0xD0, 0xE0
_SYSEX, _ESCAPE, _META, _END_OF_TRACK = 0xF0, 0xF7, 0xFF, 0x2F
_KEPT = frozenset({TRACK_NAME, TEMPO, METRE, KEY})


class Meta(NamedTuple):
    """A meta event.

    Attributes:
        tick: Ticks from the beginning of the track.
        track: Index of the track, from 0.
        kind: TRACK_NAME, TEMPO, METRE or KEY.
        content: Data of the event.
    """

    tick: int
    track: int
    kind: int
    content: bytes


@dataclass(frozen=True)
class Events:
    """The m note events and program changes of a file in byte order, and its meta events.

    Attributes:
        tick: [m] int64, ticks from the beginning of the track.
        status: [m] int64, note-off, note-on or program change of a channel.
        offset: [m] int64, offset in the file of the event's last byte: a velocity or a program.
        track: [m] int64, index of the track, from 0.
        metas: The meta events.
        track_end: [tracks] int64, the tick at which each track ends.
    """

    tick: NDArray[np.int64]
    status: NDArray[np.int64]
    offset: NDArray[np.int64]
    track: NDArray[np.int64]
    metas: tuple[Meta, ...]
    track_end: NDArray[np.int64]


def read_events(data: bytes, chunks: Chunks) -> Events:
    """Read the events of all tracks.

    Args:
        data: Contents of the file.
        chunks: Header and tracks of the file.

    Returns:
        The events.

    Raises:
        ValueError: If the file is cut short or broken, or has more than MAX_METAS meta events.
    """
    columns: list[NDArray[np.int64]] = [np.zeros((0, 3), np.int64)]
    metas: list[Meta] = []
    ends: list[int] = []
    for track, (begin, end) in enumerate(chunks.tracks):
        try:
            events, last = _walk(data[begin:end], begin, track, metas)
        except IndexError:
            raise ValueError(f"it is cut short: its track {track + 1} ends within an event") from None
        columns.append(np.frombuffer(events, np.int64).reshape(-1, 3))
        ends.append(last)
    offset, tick, status = np.concatenate(columns).T
    track = np.repeat(np.arange(len(ends)), [len(column) for column in columns[1:]])
    return Events(tick, status, offset, track, tuple(metas), np.array(ends, np.int64))


def _walk(chunk: bytes, begin: int, track: int, metas: list[Meta]) -> tuple["array[int]", int]:
    """Read a track whose events begin at offset ``begin`` of the file, and append its meta events to ``metas``.

    Returns the flattened (offset, tick, status) of each note event and program change, and the last tick. Raises
    IndexError if the chunk ends within an event.
    """
    events = array("q")
    at = tick = status = 0
    kept = lone = False  # whether events of the running status are returned, and have one data byte
    end = len(chunk)
    while at < end:
        delta = chunk[at]
        at += 1
        if delta >= _STATUS:
            delta, at = _number(chunk, at - 1, begin)
        tick += delta
        event = chunk[at]
        if event >= _STATUS:
            at += 1
            if event >= _SYSEX:
                at = _special(chunk, at, event, begin, Meta(tick, track, 0, b""), metas)
                status = status if event == _META else 0
                continue
            status = event
            kept = status < _PRESSURE_OF_KEY or PROGRAM <= status < _PRESSURE
            lone = PROGRAM <= status < _PITCH_WHEEL
        elif not status:
            raise ValueError(f"it is broken: the event at byte {begin + at} has no status, and none is running")
        highest = chunk[at] if lone else chunk[at] | chunk[at + 1]
        at += 1 if lone else 2
        if highest >= _STATUS:
            raise ValueError(f"it is broken: a status byte is in the data before byte {begin + at}")
        if kept:
            events.extend((begin + at - 1, tick, status))
    return events, tick


def _special(chunk: bytes, at: int, status: int, begin: int, here: Meta, metas: list[Meta]) -> int:
    """Read the rest of a sysex or meta event after its status, and return the position of the next event."""
    kind = -1
    if status == _META:
        kind = chunk[at]
        if kind >= _STATUS:
            raise ValueError(f"it is broken: the meta event at byte {begin + at} has no type")
        if kind == _END_OF_TRACK:
            return len(chunk)
        at += 1
    elif status not in {_SYSEX, _ESCAPE}:
        raise ValueError(f"it is broken: status {status:#x} at byte {begin + at - 1} is not allowed in a file")
    length, at = _number(chunk, at, begin)
    if at + length > len(chunk):
        raise IndexError
    if kind in _KEPT:
        if len(metas) == MAX_METAS:
            raise ValueError(f"MIDI files of at most {MAX_METAS} tempos, signatures and names are read: it has more")
        metas.append(here._replace(kind=kind, content=chunk[at : at + length]))
    return at + length


def _number(chunk: bytes, at: int, begin: int) -> tuple[int, int]:
    """Read a variable-length number, and return it and the position after it."""
    value = 0
    for place in range(at, at + NUMBER_BYTES):
        byte = chunk[place]
        value = value << 7 | byte & 0x7F
        if byte < _STATUS:
            return value, place + 1
    raise ValueError(f"it is broken: the number at byte {begin + at} has more than {NUMBER_BYTES} bytes")
