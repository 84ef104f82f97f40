"""Velocities of a MIDI file's own notes: found where they stand in its bytes, and replaced there, all else untouched.

The bytes are walked instead of being read and written by a library, since none writes every file back as it was:
timing, controllers, sysex, unknown chunks and the order of events have to stay.

Source: Standard MIDI Files 1.0. Sysex cancels running status; so do meta events by the letter, but programs that read
MIDI go on with it after them, and files count on that. A track ends at its end-of-track event; chunks of unknown types
and whatever follows the announced tracks are passed over.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.velocity import MAX_VELOCITY
from data_prep.readers.chunks import HEADER_LENGTH
from data_prep.readers.performance import PIANO_PROGRAMS

DRUMS = 9
"""The channel of percussion, from 0."""

NUM_CHANNELS = 16
"""Channels of a track."""

NUMBER_BYTES = 4
"""A variable-length number has at most so many."""

_STATUS, _NOTE_ON, _PRESSURE_OF_KEY, _PROGRAM, _PITCH_WHEEL = 0x80, 0x90, 0xA0, 0xC0, 0xE0
_SYSEX, _ESCAPE, _META, _END_OF_TRACK = 0xF0, 0xF7, 0xFF, 0x2F


@dataclass(frozen=True)
class NoteOns:
    """Every note-on with a velocity above 0, in the order of the bytes.

    Attributes:
        tick: [n] int64, from the beginning of the track.
        pitch: [n] int16, MIDI pitch.
        velocity: [n] int16, 1..127.
        channel: [n] int16, 0..15.
        program: [n] int16, 0..127, in force on the channel as the note is struck.
        track: [n] int64, from 0.
        offset: [n] int64, where in the file the velocity stands.
    """

    tick: NDArray[np.int64]
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


def note_ons(data: bytes) -> NoteOns:
    """Find the notes of a MIDI file, whatever its clock counts.

    A channel's program is the latest that any track has set, in a file of independent tracks (format 2) its own track;
    of changes at the note's own tick those count that stand before it in the file; 0 before any.

    Args:
        data: The file.

    Returns:
        Its notes.

    Raises:
        ValueError: If the file is broken.
    """
    found = [np.zeros((0, 4), np.int64)]
    for track, begin, end in _tracks(data):
        try:
            events = _walk(data[begin:end], begin)
        except IndexError:
            raise ValueError(f"it is cut short: its track {track + 1} ends within an event") from None
        found.append(np.array([(*event, track) for event in events], np.int64).reshape(-1, 4))
    offset, tick, status, track = np.concatenate(found).T
    values = np.frombuffer(data, np.uint8).astype(np.int16)
    channel = status % NUM_CHANNELS
    independent = int.from_bytes(data[8:10], "big") == 2  # noqa: PLR2004  (the format)
    line = channel + NUM_CHANNELS * track if independent else channel
    program = _in_force(status >= _PROGRAM, values[offset], np.lexsort((offset, tick, line)), line)
    struck = (status < _PROGRAM) & (values[offset] > 0)
    return NoteOns(
        tick=tick[struck],
        pitch=values[offset[struck] - 1],
        velocity=values[offset[struck]],
        channel=channel[struck].astype(np.int16),
        program=program[struck],
        track=track[struck],
        offset=offset[struck],
    )


def with_velocities(data: bytes, notes: NoteOns, velocity: NDArray[np.integer]) -> bytes:
    """Give a file's notes other velocities.

    Args:
        data: The file.
        notes: Of this file; all or some of them.
        velocity: [n] 1..127, one for each of the notes.

    Returns:
        The file, with these velocities and every other byte as it was.
    """
    assert velocity.shape == notes.offset.shape
    assert np.issubdtype(velocity.dtype, np.integer)
    assert ((velocity >= 1) & (velocity <= MAX_VELOCITY)).all()
    changed = np.frombuffer(data, np.uint8).copy()
    changed[notes.offset] = velocity
    return changed.tobytes()


def _tracks(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give number, beginning and end of the announced tracks' events."""
    if data[:4] != b"MThd":
        raise ValueError("it is no MIDI file: it does not begin with MThd")
    at = 8 + int.from_bytes(data[4:8], "big")
    if not HEADER_LENGTH <= at <= len(data):
        raise ValueError(f"its header is broken: MThd announces {at - 8} bytes, at least 6 are needed to be there")
    announced = int.from_bytes(data[10:12], "big")
    track = 0
    while track < announced:
        begin = at + 8
        end = begin + int.from_bytes(data[at + 4 : begin], "big")
        if begin > len(data):
            raise ValueError(f"it is cut short: it announces {announced} tracks, {track} are there")
        if data[at : at + 4] == b"MTrk":
            if end > len(data):
                left = len(data) - begin
                raise ValueError(
                    f"it is cut short: the track at byte {at} announces {end - begin} bytes, {left} are left"
                )
            yield track, begin, end
            track += 1
        at = end


def _walk(chunk: bytes, begin: int) -> list[tuple[int, int, int]]:
    """Find the note-ons and program changes of a track whose events begin at a place in the file.

    Args:
        chunk: The events.
        begin: The place.

    Returns:
        Of each where in the file its last byte stands (velocity or program), its tick and its status.

    Raises:
        IndexError: If the chunk ends within an event.
        ValueError: If there is an event that cannot be.
    """
    found: list[tuple[int, int, int]] = []
    at = tick = status = 0
    end = len(chunk)
    while at < end:
        delta = chunk[at]
        at += 1
        if delta >= _STATUS:
            delta, at = _number(chunk, at - 1, begin)
        tick += delta
        if chunk[at] >= _STATUS:
            event = chunk[at]
            at += 1
            if event >= _SYSEX:
                at = _after(chunk, at, event, begin)
                status = status if event == _META else 0
                continue
            status = event
        if status < _STATUS:
            raise ValueError(f"it is broken: the event at byte {begin + at} has no status, and none is running")
        if _PROGRAM <= status < _PITCH_WHEEL:
            highest = chunk[at]
            at += 1
        else:
            highest = chunk[at] | chunk[at + 1]
            at += 2
        if highest >= _STATUS:
            raise ValueError(f"it is broken: a status stands among the data that end at byte {begin + at}")
        if _NOTE_ON <= status < _PRESSURE_OF_KEY or _PROGRAM <= status < _PROGRAM + NUM_CHANNELS:
            found.append((begin + at - 1, tick, status))
    return found


def _after(chunk: bytes, at: int, status: int, begin: int) -> int:
    """Give where the next event begins after a sysex or meta event whose status has been read."""
    if status == _META:
        if chunk[at] >= _STATUS:
            raise ValueError(f"it is broken: the meta event at byte {begin + at} has no type")
        if chunk[at] == _END_OF_TRACK:
            return len(chunk)
        at += 1
    elif status not in {_SYSEX, _ESCAPE}:
        raise ValueError(
            f"it is broken: status {status:#x} at byte {begin + at - 1} belongs on a wire, not into a file"
        )
    length, at = _number(chunk, at, begin)
    if at + length > len(chunk):
        raise IndexError
    return at + length


def _number(chunk: bytes, at: int, begin: int) -> tuple[int, int]:
    """Read a variable-length number, and give where it ends."""
    value = 0
    for place in range(at, at + NUMBER_BYTES):
        byte = chunk[place]
        value = value << 7 | byte & 0x7F
        if byte < _STATUS:
            return value, place + 1
    raise ValueError(f"it is broken: the number at byte {begin + at} has more than {NUMBER_BYTES} bytes")


def _in_force(
    is_change: NDArray[np.bool_], value: NDArray[np.int16], order: NDArray[np.int64], line: NDArray[np.int64]
) -> NDArray[np.int16]:
    """[m] the program in force on each event's line (its own if it is a change); ``order`` is by line, then in time."""
    latest = np.maximum.accumulate(np.where(is_change[order], np.arange(len(order)), -1))
    here = (latest >= 0) & (line[order][latest] == line[order])
    program = np.zeros_like(value)
    program[order] = np.where(here, value[order][latest], 0)
    return program
