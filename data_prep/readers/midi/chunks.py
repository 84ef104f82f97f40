"""The chunks of a MIDI file: its header and tracks, rejected where it is cut short or not MIDI.

A RIFF file of type RMID is a MIDI file in a wrapper; every place is counted in the whole file's bytes. Chunks of
unknown types and padding are skipped, and so is everything after the announced tracks.

Sources: Standard MIDI Files 1.0; RP-029 (RMID).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from data_prep.wording import counted

MAX_MIDI_BYTES = 1 << 23
"""Of a MIDI file: a note takes about 8, pedals some more, and hours of playing less than a million."""

MAX_TRACKS = 1000
"""Of a MIDI file."""

_HEAD = 8
"""Bytes of a chunk's name and length."""

_FIELDS = 6
"""Bytes of MThd's three numbers; it may be longer."""


@dataclass(frozen=True)
class Chunks:
    """A MIDI file's header and tracks.

    Attributes:
        format: 0 one track, 1 simultaneous tracks, 2 independent ones.
        division: Ticks of a quarter note; from 0x8000 on it counts parts of seconds.
        tracks: Where each announced track's events begin and end in the file.
    """

    format: int
    division: int
    tracks: tuple[tuple[int, int], ...]


def read_chunks(data: bytes) -> Chunks:
    """Find the tracks of a file.

    Args:
        data: The file's contents.

    Returns:
        Its header and its tracks.

    Raises:
        ValueError: If it is cut short, is no MIDI file, or has more than MAX_MIDI_BYTES or MAX_TRACKS.
    """
    if len(data) > MAX_MIDI_BYTES:
        raise ValueError(f"MIDI files of at most {MAX_MIDI_BYTES} bytes are read: it has {len(data)}")
    begin, end = _unwrapped(data) if data[:4] == b"RIFF" else (0, len(data))
    if data[begin : min(begin + 4, end)] != b"MThd":
        raise ValueError("it is no MIDI file: it does not begin with MThd")
    length = int.from_bytes(data[begin + 4 : begin + _HEAD], "big")
    left = end - begin - _HEAD
    if left < _FIELDS or left < length:
        raise ValueError(
            f"it is cut short: its header takes {counted(max(length, _FIELDS), 'byte')}, {max(left, 0)} are left"
        )
    if length < _FIELDS:
        raise ValueError(f"it is broken: its header announces {counted(length, 'byte')}, and has at least {_FIELDS}")
    at = begin + _HEAD
    form, announced, division = (int.from_bytes(data[at + 2 * n : at + 2 * n + 2], "big") for n in range(3))
    if announced > MAX_TRACKS:
        raise ValueError(f"MIDI files of at most {MAX_TRACKS} tracks are read: it announces {announced}")
    return Chunks(form, division, tuple(_tracks(data, at + length, end, announced)))


def _unwrapped(data: bytes) -> tuple[int, int]:
    """Find the MIDI file in a RIFF file; its lengths are little-endian, and its chunks begin at even places."""
    if data[8:12] != b"RMID":
        raise ValueError("it is no MIDI file: it is a RIFF file of another type than RMID")
    at = 12
    while at + _HEAD <= len(data):
        begin = at + _HEAD
        end = begin + int.from_bytes(data[at + 4 : begin], "little")
        if data[at : at + 4] == b"data":
            if end > len(data):
                raise ValueError(
                    f"it is cut short: its MIDI data announce {counted(end - begin, 'byte')}, "
                    f"{len(data) - begin} are left"
                )
            return begin, end
        at = end + end % 2
    raise ValueError("it is cut short: it is a RIFF file of type RMID without MIDI data")


def _tracks(data: bytes, at: int, end: int, announced: int) -> Iterator[tuple[int, int]]:
    """Yield beginning and end of the announced tracks' events."""
    for track in range(announced):
        at = _next_track(data, at, end)
        begin = at + _HEAD
        if begin > end:
            raise ValueError(f"it is cut short: it announces {counted(announced, 'track')}, {track} are there")
        length = int.from_bytes(data[at + 4 : begin], "big")
        if begin + length > end:
            raise ValueError(
                f"it is cut short: the track at byte {at} announces {counted(length, 'byte')}, {end - begin} are left"
            )
        yield begin, begin + length
        at = begin + length


def _next_track(data: bytes, at: int, end: int) -> int:
    """Return where the next track's chunk begins, ``end`` if there is none.

    A chunk's name is four printable characters. What is none, or is longer than what is left, is padding.
    """
    while at < end and data[at : at + 4] != b"MTrk":
        name, after = data[at : at + 4], at + _HEAD + int.from_bytes(data[at + 4 : at + _HEAD], "big")
        if not (name.isascii() and name.decode("ascii").isprintable() and after <= end):
            after = data.find(b"MTrk", at, end)
        at = end if after < 0 else after
    return min(at, end)
