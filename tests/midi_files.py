"""MIDI files for hypothesis: events of all kinds in random order, with running status, and what damages files."""

from typing import NamedTuple

from hypothesis import strategies as st

from tests.hand_midi import END, file, number

LAST_NOTE = number(3) + b"\x90\x3c\x50" + number(9) + b"\x80\x3c\x00"


class Event(NamedTuple):
    delta: int
    data: bytes
    running: bool = False  # left without its status where that is running


def body(events: list[Event]) -> bytes:
    written, status = b"", 0
    for event in events:
        leave_out = event.running and event.data[0] == status
        written += number(event.delta) + event.data[leave_out:]
        status = event.data[0] if event.data[0] < 0xF0 else 0
    return written


def meta(kind: int, content: bytes) -> bytes:
    return b"\xff" + bytes([kind]) + number(len(content)) + content


SMALL = st.integers(0, 127)
METAS = st.one_of(
    st.integers(1, 2**24 - 1).map(lambda tempo: meta(0x51, tempo.to_bytes(3, "big"))),
    st.tuples(st.integers(1, 64), st.integers(0, 6)).map(lambda pair: meta(0x58, bytes([*pair, 24, 8]))),
    st.tuples(st.integers(-7, 7), st.booleans()).map(lambda pair: meta(0x59, bytes([pair[0] % 256, pair[1]]))),
    st.text(st.characters(codec="latin-1", categories=["L"]), max_size=4).map(
        lambda text: meta(0x03, text.encode("latin-1"))
    ),
)
DATA = st.one_of(
    # few channels and keys, so that programs and notes meet
    st.tuples(st.sampled_from([0x80, 0x90, 0x91, 0x99]), st.integers(60, 63), SMALL).map(bytes),
    st.tuples(st.sampled_from([0x80, 0x90, 0x91, 0x99, 0xA0, 0xB0, 0xE1]), SMALL, SMALL).map(bytes),
    st.tuples(st.sampled_from([0xC0, 0xC1, 0xC9, 0xD0]), st.integers(0, 12)).map(bytes),
    st.binary(max_size=3).map(lambda some: meta(0x01, some)),
    st.binary(min_size=120, max_size=200).map(lambda some: meta(0x7F, some)),
    st.lists(SMALL, max_size=4).map(lambda some: b"\xf0" + number(len(some) + 1) + bytes(some) + b"\xf7"),
    METAS,
)
EVENTS = st.lists(st.builds(Event, st.sampled_from([0, 0, 1, 127, 128, 20000]), DATA, st.booleans()), max_size=30)
FILES = st.lists(EVENTS, min_size=1, max_size=3).map(
    lambda tracks: file(*(body(events) + LAST_NOTE + END for events in tracks))
)
"""Files of at least one note."""


def changes(data: bytes) -> st.SearchStrategy[bytes]:
    """Change some bytes of a file, and cut it at times."""

    def change(new: dict[int, int], end: int) -> bytes:
        return bytes(new.get(at, byte) for at, byte in enumerate(data))[:end]

    places = st.dictionaries(st.integers(0, len(data) - 1), st.integers(0, 255), max_size=4)
    return st.builds(change, places, st.just(len(data)) | st.integers(0, len(data)))


DAMAGED = FILES.flatmap(changes) | st.binary(max_size=60).map(file)
