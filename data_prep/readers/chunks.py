"""The chunks of a MIDI file: refused before a parser sees them where the file is cut short or is no MIDI at all."""

from collections.abc import Iterator

HEADER_LENGTH = 14
"""Bytes of the chunk MThd."""


def check_chunks(data: bytes) -> None:
    """Refuse a file that ends before its announced length or tracks: parsers take what is missing for silence.

    Args:
        data: The file's contents.

    Raises:
        ValueError: If it is cut short, or no MIDI file.
    """
    if data[:4] != b"MThd":
        raise ValueError("it is no MIDI file: it does not begin with MThd")
    if len(data) < HEADER_LENGTH:
        raise ValueError(f"it is cut short: its header takes {HEADER_LENGTH} bytes, {len(data)} are there")
    announced = int.from_bytes(data[10:12], "big")
    num_tracks = sum(name == b"MTrk" for name, _ in chunks(data))
    if num_tracks < announced:
        raise ValueError(f"it is cut short: it announces {announced} tracks, {num_tracks} are there")


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give the name and the contents of each chunk.

    Args:
        data: The file's contents.

    Yields:
        The chunks in their order.

    Raises:
        ValueError: If one is longer than what is left.
    """
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "big")
        left = len(data) - at - 8
        if length > left:
            raise ValueError(f"it is cut short: the chunk at byte {at} announces {length} bytes, {left} are left")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length
