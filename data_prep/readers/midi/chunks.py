"""The header and tracks of a MIDI file, with checks that it is a MIDI file and is complete.

A RIFF file of type RMID contains a MIDI file; offsets are those in the RIFF file. Padding, chunks of unknown types and
everything after the announced tracks are skipped. Sources: Standard MIDI Files 1.0; RP-029 (RMID).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from data_prep.wording import counted

MAX_MIDI_BYTES = 1 << 23
"""Maximum size of a MIDI file (bytes). A note takes about 8, hours of piano music with pedals less than a million."""

MAX_TRACKS = 1000
"""Maximum number of tracks of a MIDI file."""

_HEAD = 8  # bytes of a chunk's name and length
_FIELDS = struct.Struct(">HHH")  # the numbers in MThd, which may be longer


@dataclass(frozen=True)
class Chunks:
    """The header and tracks of a MIDI file.

    Attributes:
        format: 0 for one track, 1 for simultaneous tracks, 2 for independent tracks.
        division: Ticks per quarter note; values from 0x8000 on encode a clock in fractions of a second.
        tracks: (begin, end) of the events of each announced track (byte offsets).
    """

    format: int
    division: int
    tracks: tuple[tuple[int, int], ...]


def read_chunks(data: bytes) -> Chunks:
    """Find the tracks of a file.

    Args:
        data: Contents of the file.

    Returns:
        The header and the tracks.

    Raises:
        ValueError: If the file is not a MIDI file, is cut short, or exceeds MAX_MIDI_BYTES or MAX_TRACKS.
    """
    if len(data) > MAX_MIDI_BYTES:
        raise ValueError(f"MIDI files of at most {MAX_MIDI_BYTES} bytes are read: it has {len(data)}")
    begin, end = _unwrapped(data) if data[:4] == b"RIFF" else (0, len(data))
    if data[begin : min(begin + 4, end)] != b"MThd":
        raise ValueError("it is not a MIDI file: it does not begin with MThd")
    length = int.from_bytes(data[begin + 4 : begin + _HEAD], "big")
    left = end - begin - _HEAD
    size = max(length, _FIELDS.size)
    if left < size:
        raise ValueError(f"it is cut short: its header takes {counted(size, 'byte')}, {max(left, 0)} are left")
    if length < _FIELDS.size:
        raise ValueError(f"it is broken: its header announces {counted(length, 'byte')}, but needs {_FIELDS.size}")
    form, num_tracks, division = _FIELDS.unpack_from(data, begin + _HEAD)
    if num_tracks > MAX_TRACKS:
        raise ValueError(f"MIDI files of at most {MAX_TRACKS} tracks are read: it announces {num_tracks}")
    return Chunks(form, division, tuple(_tracks(data, begin + _HEAD + length, end, num_tracks)))


def _unwrapped(data: bytes) -> tuple[int, int]:
    """Return begin and end of the MIDI file in a RIFF file, whose lengths are little-endian and offsets even."""
    if data[8:12] != b"RMID":
        raise ValueError("it is not a MIDI file: it is a RIFF file of another type than RMID")
    at = 12
    while at + _HEAD <= len(data):
        begin = at + _HEAD
        end = begin + int.from_bytes(data[at + 4 : begin], "little")
        if data[at : at + 4] == b"data":
            if end > len(data):
                announced = counted(end - begin, "byte")
                raise ValueError(f"it is cut short: its MIDI data announce {announced}, {len(data) - begin} are left")
            return begin, end
        at = end + end % 2
    raise ValueError("it is cut short: it is a RIFF file of type RMID without MIDI data")


def _tracks(data: bytes, at: int, end: int, announced: int) -> Iterator[tuple[int, int]]:
    """Yield the start and end (byte offsets) of the events of each announced track."""
    for track in range(announced):
        at = _next_track(data, at, end)
        begin = at + _HEAD
        if begin > end:
            raise ValueError(f"it is cut short: it announces {counted(announced, 'track')}, but contains {track}")
        length = int.from_bytes(data[at + 4 : begin], "big")
        if begin + length > end:
            size = counted(length, "byte")
            raise ValueError(f"it is cut short: the track at byte {at} announces {size}, {end - begin} are left")
        yield begin, begin + length
        at = begin + length


def _next_track(data: bytes, at: int, end: int) -> int:
    """Return the offset of the next track's chunk, ``end`` if there is none.

    The name of a chunk is four printable characters. Data without one, or with a length beyond the end, is padding.
    """
    while at < end and data[at : at + 4] != b"MTrk":
        name, after = data[at : at + 4], at + _HEAD + int.from_bytes(data[at + 4 : at + _HEAD], "big")
        if not (name.isascii() and name.decode("ascii").isprintable() and after <= end):
            after = data.find(b"MTrk", at, end)
        at = end if after < 0 else after
    return min(at, end)
