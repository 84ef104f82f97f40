"""Write a MIDI file event by event, at exact ticks: one track for tempos and metres, and one for each part.

pretty_midi, which writes tunes, computes ticks from seconds, and has no public way to write several tempos.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

Event: TypeAlias = tuple[int, int, bytes]
"""Tick, rank among the events of a tick, and bytes."""

_SIGNATURES, _RELEASE, _CONTROL, _STRIKE = range(4)
_END = b"\x00\xff\x2f\x00"
_SUSTAIN, _DOWN, _UP = 64, 127, 0


def note(begin: int, end: int, channel: int, pitch: int, velocity: int) -> list[Event]:
    """Return the events of a note that lasts at least one tick."""
    return [
        (begin, _STRIKE, bytes([0x90 | channel, pitch, velocity])),
        (max(end, begin + 1), _RELEASE, bytes([0x80 | channel, pitch, 0])),
    ]


def program(channel: int, number: int) -> Event:
    """Return the program change at the beginning of a track."""
    return 0, _SIGNATURES, bytes([0xC0 | channel, number])


def pedal(tick: int, channel: int, *, is_down: bool) -> Event:
    """Return a change of the sustain pedal."""
    return tick, _CONTROL, bytes([0xB0 | channel, _SUSTAIN, _DOWN if is_down else _UP])


def tempo(tick: int, quarters_per_minute: float) -> Event:
    """Return a tempo."""
    return tick, _SIGNATURES, b"\xff\x51\x03" + round(60e6 / quarters_per_minute).to_bytes(3, "big")


def metre(tick: int, beats: int, unit: int) -> Event:
    """Return a time signature, whose unit is a power of two."""
    return tick, _SIGNATURES, bytes([0xFF, 0x58, 4, beats, unit.bit_length() - 1, 24, 8])


def to_file(tracks: Sequence[Iterable[Event]], ticks_per_quarter: int) -> bytes:
    """Write a file of format 1.

    Args:
        tracks: The events of each track, in any order; of events at one tick, signatures come first, then releases,
            pedals and strikes.
        ticks_per_quarter: Ticks per quarter note.

    Returns:
        The contents of the file.
    """
    header = b"".join(number.to_bytes(2, "big") for number in (1, len(tracks), ticks_per_quarter))
    return _chunk(b"MThd", header) + b"".join(_chunk(b"MTrk", _body(track)) for track in tracks)


def _body(track: Iterable[Event]) -> bytes:
    parts: list[bytes] = []
    now = 0
    for tick, _, event in sorted(track):
        parts += [_number(tick - now), event]
        now = tick
    return b"".join([*parts, _END])


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "big") + body


def _number(value: int) -> bytes:
    """Return a number of variable length, seven bits to a byte."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))
