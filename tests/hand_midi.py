"""MIDI files made by hand, byte by byte."""

from collections.abc import Iterable

import numpy as np

from data_prep.randomness import stream

END = b"\x00\xff\x2f\x00"
"""The end of a track."""


def number(value: int) -> bytes:
    """Write a number of variable length."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "big") + body


def file(*bodies: bytes, form: int = 1, more: bytes = b"", division: bytes = b"\x01\xe0") -> bytes:
    """Write a file of tracks whose events are written already."""
    header = form.to_bytes(2, "big") + len(bodies).to_bytes(2, "big") + division + more
    return chunk(b"MThd", header) + b"".join(chunk(b"MTrk", each) for each in bodies)


def riff(midi: bytes) -> bytes:
    """Wrap a MIDI file as RMID does, with a chunk of an odd length before it and another after it."""

    def wrapped(name: bytes, content: bytes) -> bytes:
        return name + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)

    return wrapped(b"RIFF", b"RMID" + wrapped(b"DISP", b"odd") + wrapped(b"data", midi) + wrapped(b"LIST", b"INFO"))


def midi(*tracks: Iterable[tuple[int, bytes]], division: int = 120, form: int = 1) -> bytes:
    bodies: list[bytes] = []
    for track in tracks:
        now, body = 0, b""
        for tick, event in sorted(track, key=lambda pair: pair[0]):
            body += number(tick - now) + event
            now = tick
        bodies.append(body + END)
    return file(*bodies, form=form, division=division.to_bytes(2, "big"))


def strike(pitch: int, begin: int, end: int, *, channel: int = 1, velocity: int = 80) -> list[tuple[int, bytes]]:
    on, off = bytes([0x8F + channel, pitch, velocity]), bytes([0x7F + channel, pitch, 0])
    return [(end, off), (begin, on)]  # a note that ends where another begins ends first


def performance(seed: int, *, length: int = 64, velocities: int = 60, form: int = 0) -> bytes:
    """Write a melody of random sixteenths and eighths, 96 ticks a quarter note, in a random key of its own."""
    random = stream(seed, "a performance for tests")
    step = np.cumsum(random.integers(1, 3, length))
    pitch, velocity = random.integers(40, 90, length).tolist(), random.integers(30, 30 + velocities, length).tolist()
    notes = [
        event
        for at, key, loudness in zip(step.tolist(), pitch, velocity, strict=True)
        for event in strike(key, 24 * at, 24 * at + 20, velocity=loudness)
    ]
    return midi([(0, b"\xff\x58\x04\x04\x02\x18\x08"), *notes], division=96, form=form)
