# pyright: reportMissingTypeStubs=false
# (mido and pretty_midi have no types)
"""Velocities put into a file's bytes: against mido, pretty_midi and symusic, on broken files, on real ones."""

import io
import os
from pathlib import Path
from typing import Any, NamedTuple, cast

import mido
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from symusic import Score

from data_prep.randomness import stream
from data_prep.velocities import NoteOns, note_ons, with_velocities

PERFORMANCES = os.environ.get("TUNESMITH_TEST_PERFORMANCES")

END = b"\x00\xff\x2f\x00"


class Event(NamedTuple):
    delta: int
    data: bytes
    running: bool = False  # left without its status where that is running


def number(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "big") + body


def body(events: list[Event]) -> bytes:
    written, status = b"", 0
    for event in events:
        leave_out = event.running and event.data[0] == status
        written += number(event.delta) + event.data[leave_out:]
        status = event.data[0] if event.data[0] < 0xF0 else 0
    return written


def file(*bodies: bytes, form: int = 1, more: bytes = b"", division: bytes = b"\x01\xe0") -> bytes:
    header = form.to_bytes(2, "big") + len(bodies).to_bytes(2, "big") + division + more
    return chunk(b"MThd", header) + b"".join(chunk(b"MTrk", each) for each in bodies)


SMALL = st.integers(0, 127)
DATA = st.one_of(
    # few channels and keys, so that programs and notes meet
    st.tuples(st.sampled_from([0x80, 0x90, 0x91, 0x99, 0xA0, 0xB0, 0xE1]), SMALL, SMALL).map(bytes),
    st.tuples(st.sampled_from([0xC0, 0xC1, 0xC9, 0xD0]), st.integers(0, 12)).map(bytes),
    st.binary(max_size=3).map(lambda some: b"\xff\x01" + number(len(some)) + some),
    st.binary(min_size=120, max_size=200).map(lambda some: b"\xff\x7f" + number(len(some)) + some),
    st.lists(SMALL, max_size=4).map(lambda some: b"\xf0" + number(len(some) + 1) + bytes(some) + b"\xf7"),
)
EVENTS = st.lists(st.builds(Event, st.sampled_from([0, 0, 1, 127, 128, 20000]), DATA, st.booleans()), max_size=30)
FILES = st.lists(EVENTS, min_size=1, max_size=3).map(lambda tracks: file(*(body(events) + END for events in tracks)))


def by_mido(data: bytes) -> list[tuple[int, int, int, int, int]]:
    """Give tick, pitch, velocity, channel, track of every note-on."""
    found: list[tuple[int, int, int, int, int]] = []
    for track, messages in enumerate(cast("Any", mido).MidiFile(file=io.BytesIO(data)).tracks):
        tick = 0
        for message in messages:
            tick += message.time
            if message.type == "note_on" and message.velocity > 0:
                found.append((tick, message.note, message.velocity, message.channel, track))
    return found


def rows(notes: NoteOns) -> list[tuple[int, int, int, int, int]]:
    columns = (notes.tick, notes.pitch, notes.velocity, notes.channel, notes.track)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def others(notes: NoteOns) -> NDArray[np.int64]:
    """Give every note another velocity than its own."""
    shift = stream(1, "other velocities").integers(1, 127, len(notes.tick))
    return (notes.velocity.astype(np.int64) - 1 + shift) % 127 + 1


@given(FILES)
def test_the_notes_are_mido_s(data: bytes) -> None:
    assert rows(note_ons(data)) == by_mido(data)


@given(FILES)
def test_the_program_is_the_latest_of_the_channel_over_all_tracks(data: bytes) -> None:
    messages: list[tuple[int, int, Any]] = []
    for track in cast("Any", mido).MidiFile(file=io.BytesIO(data)).tracks:
        tick = 0
        for message in track:
            tick += message.time
            messages.append((tick, len(messages), message))
    programs = dict.fromkeys(range(16), 0)
    expected: dict[int, tuple[int, bool]] = {}
    for _, place, message in sorted(messages, key=lambda row: row[:2]):
        if message.type == "program_change":
            programs[message.channel] = message.program
        if message.type == "note_on" and message.velocity > 0:
            program = programs[message.channel]
            expected[place] = program, program < 8 and message.channel != 9
    notes = note_ons(data)
    found = list(zip(notes.program.tolist(), notes.is_piano.tolist(), strict=True))
    assert found == [expected[place] for place in sorted(expected)]


@given(FILES)
def test_nothing_but_the_velocities_changes(data: bytes) -> None:
    notes = note_ons(data)
    assert with_velocities(data, notes, notes.velocity) == data
    wanted = others(notes)
    changed = with_velocities(data, notes, wanted)
    assert len(changed) == len(data)
    assert [at for at in range(len(data)) if changed[at] != data[at]] == notes.offset.tolist()
    assert [row[2] for row in by_mido(changed)] == wanted.tolist()
    again = note_ons(changed)
    assert again.velocity.tolist() == wanted.tolist()
    for name in ("tick", "pitch", "channel", "program", "track", "offset"):
        assert np.array_equal(getattr(again, name), getattr(notes, name))


def test_some_of_the_notes() -> None:
    data = file(body([Event(0, bytes([0x90, pitch, 80]), running=True) for pitch in (60, 64, 67)]) + END)
    notes = note_ons(data)
    top = NoteOns(**{name: column[2:] for name, column in vars(notes).items()})
    assert note_ons(with_velocities(data, top, np.array([9]))).velocity.tolist() == [80, 80, 9]


def test_pianos_are_told_from_other_instruments_as_pretty_midi_does() -> None:
    def line(channel: int, program: int, pitch: int) -> bytes:
        change, on, off = bytes([0xC0 + channel, program]), bytes([0x90 + channel, pitch, 70]), bytes([pitch, 0])
        return number(0) + change + number(3) + on + number(100) + off + END

    data = file(line(0, 0, 60), line(1, 7, 61), line(2, 8, 62), line(9, 0, 63), line(3, 40, 64))
    instruments = cast("Any", pretty_midi).PrettyMIDI(io.BytesIO(data)).instruments
    expected = {
        note.pitch: (instrument.program, instrument.program < 8 and not instrument.is_drum)
        for instrument in instruments
        for note in instrument.notes
    }
    notes = note_ons(data)
    found = zip(notes.pitch.tolist(), notes.program.tolist(), notes.is_piano.tolist(), strict=True)
    assert {pitch: row for pitch, *row in found} == {pitch: list(row) for pitch, row in expected.items()}
    assert notes.is_piano.tolist() == [True, True, False, False, False]


def test_tracks_of_format_two_are_independent() -> None:
    bodies = [body([Event(0, b"\xc0\x30")]) + END, body([Event(9, b"\x90\x3c\x50")]) + END]
    assert note_ons(file(*bodies)).program.tolist() == [48]
    assert note_ons(file(*bodies, form=2)).program.tolist() == [0]


def test_unknown_chunks_longer_headers_clocks_of_seconds_and_what_follows_are_passed_over() -> None:
    one, two = (body([Event(200, bytes([0x90, pitch, 80]))]) + END for pitch in (60, 64))
    plain = file(one, two, more=b"XYZ", division=b"\xe7\x28")
    at = plain.index(b"MTrk", plain.index(b"MTrk") + 1)
    data = plain[:at] + chunk(b"XFIH", b"\x90\x3c") + plain[at:] + chunk(b"MTrk", one) + b"MTr"
    assert rows(note_ons(data)) == [(200, 60, 80, 0, 0), (200, 64, 80, 0, 1)]


def test_a_track_ends_at_its_end_of_track_or_with_its_chunk() -> None:
    note = b"\x00\x90\x3c\x50"
    assert len(note_ons(file(note)).tick) == 1
    assert len(note_ons(file(note + END + note)).tick) == 1
    assert len(note_ons(file(b"")).tick) == len(note_ons(file()).tick) == 0


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (b"\x00\x3c\x50", "it is broken: the event at byte 23 has no status, and none is running"),
        (b"\x00\x90\x3c\x50\x00\xff\x01\x00\x00\x3c\x50", "it is broken: the event at byte 31 has no status"),
        (b"\x00\x90\x3c\x50\x00\xf0\x01\xf7\x00\x3c\x50", "it is broken: the event at byte 31 has no status"),
        (b"\x00\x90\x3c\x90", "it is broken: a status stands among the data that end at byte 26"),
        (b"\x00\x90\xbc\x10", "it is broken: a status stands among the data that end at byte 26"),
        (b"\x00\xc0\x80", "it is broken: a status stands among the data that end at byte 25"),
        (b"\x00\xf8", "it is broken: status 0xf8 at byte 23 belongs on a wire, not into a file"),
        (b"\x00\xff\x80\x00", "it is broken: the meta event at byte 24 has no type"),
        (b"\x81\x80\x80\x80\x00\x90\x3c\x50", "it is broken: the number at byte 22 has more than 4 bytes"),
        (b"\x00\xff\x01\x81\x80\x80\x80\x00", "it is broken: the number at byte 25 has more than 4 bytes"),
        (b"\x00", "it is cut short: its track 1 ends within an event"),
        (b"\x00\x90", "it is cut short: its track 1 ends within an event"),
        (b"\x00\x90\x3c", "it is cut short: its track 1 ends within an event"),
        (b"\x00\xc0", "it is cut short: its track 1 ends within an event"),
        (b"\x81", "it is cut short: its track 1 ends within an event"),
        (b"\x00\xff", "it is cut short: its track 1 ends within an event"),
        (b"\x00\xff\x01\x05abcd", "it is cut short: its track 1 ends within an event"),
        (b"\x00\xf7\x7f", "it is cut short: its track 1 ends within an event"),
    ],
)
def test_broken_events(events: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        note_ons(file(events))


def test_broken_chunks() -> None:
    data = file(body([Event(0, b"\x90\x3c\x50")]) + END)
    for broken, message in (
        (b"", "it is no MIDI file: it does not begin with MThd"),
        (b"RIFF" + data, "it is no MIDI file: it does not begin with MThd"),
        (data[:13], "its header is broken: MThd announces 6 bytes"),
        (data[:7] + b"\x05" + data[8:], "its header is broken: MThd announces 5 bytes"),
        (data[:14], "it is cut short: it announces 1 tracks, 0 are there"),
        (data[:20], "it is cut short: it announces 1 tracks, 0 are there"),
        (data[:-1], "it is cut short: the track at byte 14 announces 8 bytes, 7 are left"),
        (data[:11] + b"\x02" + data[12:], "it is cut short: it announces 2 tracks, 1 are there"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            note_ons(broken)


def changes(data: bytes) -> st.SearchStrategy[bytes]:
    """Change some bytes of a file, and cut it at times."""

    def change(new: dict[int, int], end: int) -> bytes:
        return bytes(new.get(at, byte) for at, byte in enumerate(data))[:end]

    places = st.dictionaries(st.integers(0, len(data) - 1), st.integers(0, 255), max_size=4)
    return st.builds(change, places, st.just(len(data)) | st.integers(0, len(data)))


@settings(max_examples=300)
@given(FILES.flatmap(changes) | st.binary(max_size=60).map(file))
def test_a_damaged_file_is_read_or_refused_in_one_line(data: bytes) -> None:
    refusal = ""
    try:
        notes = note_ons(data)
    except ValueError as error:
        refusal, notes = str(error), None
    if notes is None:
        assert refusal.startswith(("it is ", "its header is "))
        assert "\n" not in refusal
        return
    assert with_velocities(data, notes, notes.velocity) == data
    assert (notes.velocity > 0).all()
    assert (notes.pitch < 128).all()
    wanted = others(notes)
    assert note_ons(with_velocities(data, notes, wanted)).velocity.tolist() == wanted.tolist()


@pytest.mark.skipif(PERFORMANCES is None, reason="TUNESMITH_TEST_PERFORMANCES names no folder of performances")
def test_real_performances() -> None:
    paths = sorted(Path(str(PERFORMANCES)).glob("*/*.mid"))
    assert len(paths) > 10
    for path in paths[::20]:
        data = path.read_bytes()
        notes = note_ons(data)
        assert len(notes.tick) > 100
        assert notes.is_piano.all()
        wanted = others(notes)
        changed = with_velocities(data, notes, wanted)
        for version, velocity in ((data, notes.velocity), (changed, wanted)):
            score = cast("Any", Score).from_midi(version)
            expected = sorted((n.time, n.pitch, n.velocity) for track in score.tracks for n in track.notes)
            found = zip(notes.tick.tolist(), notes.pitch.tolist(), velocity.tolist(), strict=True)
            assert sorted(found) == expected
        different = np.flatnonzero(np.frombuffer(data, np.uint8) != np.frombuffer(changed, np.uint8))
        assert different.tolist() == notes.offset.tolist()
        assert with_velocities(changed, note_ons(changed), notes.velocity) == data
    assert rows(note_ons(paths[0].read_bytes())) == by_mido(paths[0].read_bytes())
