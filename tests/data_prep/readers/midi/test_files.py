# pyright: reportMissingTypeStubs=false
# (mido and pretty_midi have no types)
"""Tests of the MIDI parser: comparisons with mido and pretty_midi, chunks of all kinds, and broken and real files."""

import io
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, cast

import mido
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.limits import MAX_NOTES, MAX_QUARTERS
from data_prep.readers.midi.chunks import MAX_MIDI_BYTES, MAX_TRACKS
from data_prep.readers.midi.events import MAX_METAS
from data_prep.readers.midi.files import MidiNotes, read
from data_prep.readers.notes import clean_name, decoded
from tests import hand_midi
from tests.hand_midi import END, chunk, file, number, riff
from tests.midi_files import DAMAGED, FILES, Event, body, meta

PERFORMANCES = os.environ.get("TUNESMITH_TEST_PERFORMANCES")

Row = tuple[int, int, int, int, int]
ONE_NOTE = b"\x00\x90\x3c\x50\x60\x80\x3c\x00"


def rows(notes: MidiNotes) -> list[Row]:
    columns = (notes.tick, notes.pitch, notes.velocity, notes.channel, notes.track)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def messages(data: bytes) -> list[tuple[int, int, Any]]:
    """Return the (tick, track, message) of each event from mido, in byte order."""
    events: list[tuple[int, int, Any]] = []
    for number_of_track, track in enumerate(cast("Any", mido).MidiFile(file=io.BytesIO(data)).tracks):
        tick = 0
        for message in track:
            tick += message.time
            events.append((tick, number_of_track, message))
    return events


def is_strike(message: Any) -> bool:
    return message.type == "note_on" and message.velocity > 0


def by_mido(data: bytes) -> list[Row]:
    return [(t, m.note, m.velocity, m.channel, track) for t, track, m in messages(data) if is_strike(m)]


@given(FILES)
def test_notes_match_mido(data: bytes) -> None:
    assert rows(read(data).notes) == by_mido(data)


@given(FILES)
def test_a_release_ends_the_first_sounding_note_of_its_key(data: bytes) -> None:
    end: dict[int, int] = {}
    sounding: dict[Any, list[int]] = defaultdict(list)
    strikes = 0
    for tick, track, message in messages(data):
        if is_strike(message):
            sounding[track, message.channel, message.note].append(strikes)
            strikes += 1
        elif message.type in {"note_on", "note_off"} and sounding[track, message.channel, message.note]:
            end[sounding[track, message.channel, message.note].pop(0)] = tick
    notes = read(data).notes
    last = [max(tick for tick, track, _ in messages(data) if track == number) for number in notes.track.tolist()]
    assert notes.released.tolist() == [strike in end for strike in range(strikes)]
    assert notes.end.tolist() == [end.get(strike, last[strike]) for strike in range(strikes)]


@given(FILES)
def test_tempos_signatures_and_names_match_mido(data: bytes) -> None:
    everything = messages(data)
    notes = read(data).notes
    last = max(*notes.tick.tolist(), *notes.end[notes.released].tolist())
    used = [row for row in sorted(everything, key=lambda row: row[0]) if row[0] <= last]
    midi = read(data)
    assert list(midi.tempos) == [(tick, m.tempo) for tick, _, m in used if m.type == "set_tempo"]
    assert [(metre.tick, metre.beats, metre.unit) for metre in midi.metres] == [
        (tick, m.numerator, m.denominator) for tick, _, m in used if m.type == "time_signature"
    ]
    fifths = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F#": 6, "C#": 7}
    fifths |= {"F": -1, "Bb": -2, "Eb": -3, "Ab": -4, "Db": -5, "Gb": -6, "Cb": -7}
    fifths |= {f"{name}m": number_of - 3 for name, number_of in fifths.items() if number_of - 3 >= -7}
    fifths |= {"G#m": 5, "D#m": 6, "A#m": 7}
    assert [(key.tick, key.fifths, key.is_minor) for key in midi.keys] == [
        (tick, fifths[m.key], m.key.endswith("m")) for tick, _, m in used if m.type == "key_signature"
    ]
    names: dict[int, str] = {}
    for _, track, message in used:
        if message.type == "track_name":
            names.setdefault(track, message.name)
    assert midi.names == {track: clean_name(decoded(name.encode("latin-1"))) for track, name in names.items()}


@given(FILES)
def test_the_program_of_a_channel_is_set_by_all_tracks(data: bytes) -> None:
    programs = dict.fromkeys(range(16), 0)
    expected: dict[int, tuple[int, bool]] = {}
    for place, (_, _, message) in sorted(enumerate(messages(data)), key=lambda row: (row[1][0], row[0])):
        if message.type == "program_change":
            programs[message.channel] = message.program
        if is_strike(message):
            program = programs[message.channel]
            expected[place] = program, program < 8 and message.channel != 9
    notes = read(data).notes
    programs_and_pianos = list(zip(notes.program.tolist(), notes.is_piano.tolist(), strict=True))
    assert programs_and_pianos == [expected[place] for place in sorted(expected)]


def test_instruments_match_pretty_midi() -> None:
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
    notes = read(data).notes
    rows = zip(notes.pitch.tolist(), notes.program.tolist(), notes.is_piano.tolist(), strict=True)
    assert {pitch: row for pitch, *row in rows} == {pitch: list(row) for pitch, row in expected.items()}
    assert notes.is_piano.tolist() == [True, True, False, False, False]


def test_programs_of_format_2_apply_to_their_own_track() -> None:
    bodies = [body([Event(0, b"\xc0\x30")]) + END, body([Event(9, b"\x90\x3c\x50")]) + END]
    assert read(file(*bodies)).notes.program.tolist() == [48]
    assert read(file(*bodies, form=2)).notes.program.tolist() == [0]


PADDING = st.sampled_from(
    [b"", b"\0", b"\x1a" * 7, b"    ", b"\0" * 60, b"XFIH\0\0\0\2\x90\x3c", b"abc", b"XFIH\0\0\1\0"]
)


@given(st.lists(PADDING, min_size=4, max_size=4), st.binary(max_size=5), st.booleans())
def test_padding_and_unannounced_tracks_are_skipped(between: list[bytes], more: bytes, is_wrapped: bool) -> None:
    tracks = [body([Event(200, bytes([0x90, pitch, 80]))]) + END for pitch in (60, 62, 64)]
    header = file(*tracks, more=more)[: 14 + len(more)]
    data = header + between[0]
    for padding, track in zip(between[1:], tracks, strict=True):
        data += chunk(b"MTrk", track) + padding
    data += chunk(b"MTrk", tracks[0])  # one more than announced
    notes = read(riff(data) if is_wrapped else data).notes
    assert rows(notes) == [(200, 60, 80, 0, 0), (200, 62, 80, 0, 1), (200, 64, 80, 0, 2)]


@pytest.mark.parametrize(
    "stray", [b"\x1a" * count for count in range(1, 9)] + [b"MTr", b"\xff\xff\xff\xff\xff\xff\xff\xff"]
)
def test_bytes_after_the_last_track_are_skipped(stray: bytes) -> None:
    data = file(ONE_NOTE + END)
    assert rows(read(data + stray).notes) == rows(read(data).notes)


def test_offsets_of_a_riff_file_count_from_its_beginning() -> None:
    data = riff(file(ONE_NOTE + END))
    (offset,) = read(data).notes.offset.tolist()
    assert data[offset - 2 : offset + 1] == b"\x90\x3c\x50"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RIFF\4\0\0\0WAVE", "it is not a MIDI file: it is a RIFF file of another type than RMID"),
        (b"RIFF\4\0\0\0RMID", "it is cut short: it is a RIFF file of type RMID without MIDI data"),
        (b"RIFF\4\0\0\0RMIDdata\4\0\0\0text", "it is not a MIDI file: it does not begin with MThd"),
        (riff(file(ONE_NOTE + END))[:50], "it is cut short: its MIDI data announce 34 bytes, 18 are left"),
    ],
)
def test_invalid_riff_files_are_rejected(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        read(data)


def test_a_track_ends_at_its_end_of_track_event_or_with_its_chunk() -> None:
    note = b"\x00\x90\x3c\x50"
    assert len(read(file(note)).notes.tick) == 1
    assert len(read(file(note + END + note)).notes.tick) == 1
    for without in (file(b""), file()):
        with pytest.raises(ValueError, match=r"^there are no notes in it$"):
            read(without)


def test_running_status_continues_after_a_meta_event() -> None:
    data = file(b"\x00\x90\x3c\x50\x00\xff\x01\x00\x60\x40\x51")
    assert [row[:3] for row in rows(read(data).notes)] == [(0, 60, 80), (96, 64, 81)]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (b"\x00\x3c\x50", "it is broken: the event at byte 23 has no status, and none is running"),
        (b"\x00\x90\x3c\x50\x00\xf0\x01\xf7\x00\x3c\x50", "it is broken: the event at byte 31 has no status"),
        (b"\x00\x90\x3c\x90", "it is broken: a status byte is in the data before byte 26"),
        (b"\x00\x90\xbc\x10", "it is broken: a status byte is in the data before byte 26"),
        (b"\x00\xc0\x80", "it is broken: a status byte is in the data before byte 25"),
        (b"\x00\xf8", "it is broken: status 0xf8 at byte 23 is not allowed in a file"),
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
def test_broken_events_are_rejected(events: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        read(file(events))


def test_broken_chunks_are_rejected() -> None:
    data = file(body([Event(0, b"\x90\x3c\x50")]) + END)
    for broken, message in (
        (b"", "it is not a MIDI file: it does not begin with MThd"),
        (b"Dear diary", "it is not a MIDI file: it does not begin with MThd"),
        (data[:13], "it is cut short: its header takes 6 bytes, 5 are left"),
        (data[:7] + b"\xff" + data[8:], "it is cut short: its header takes 255 bytes"),
        (data[:7] + b"\x05" + data[8:], "it is broken: its header announces 5 bytes"),
        (data[:14], "it is cut short: it announces 1 track, but contains 0"),
        (data[:20], "it is cut short: it announces 1 track, but contains 0"),
        (data[:-1], "it is cut short: the track at byte 14 announces 8 bytes, 7 are left"),
        (data[:11] + b"\x02" + data[12:], "it is cut short: it announces 2 tracks, but contains 1"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            read(broken)


@pytest.mark.parametrize(
    ("division", "reason"), [(0xE728, "counts fractions of seconds"), (0, "0 ticks per quarter note")]
)
def test_clocks_without_beats_are_rejected(division: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(file(ONE_NOTE + END, division=division.to_bytes(2, "big")))


def test_invalid_signatures_and_tempos_are_skipped() -> None:
    metas = [meta(0x58, bytes([beats, power, 24, 8])) for beats, power in ((0, 2), (4, 33), (3, 255), (255, 2), (4, 2))]
    metas += [meta(0x59, bytes([fifths % 256, mode])) for fifths, mode in ((-8, 0), (8, 1), (100, 2), (2, 2), (-7, 1))]
    metas += [meta(kind, b"\x04") for kind in (0x51, 0x58, 0x59)]
    midi = read(file(b"".join(number(0) + event for event in metas) + ONE_NOTE + END))
    assert [(metre.beats, metre.unit) for metre in midi.metres] == [(4, 4)]
    assert [(key.fifths, key.is_minor) for key in midi.keys] == [(-7, True)]
    assert midi.tempos == ()
    assert len(midi.notes.tick) == 1


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Über den Dächern".encode(), "Über den Dächern"),
        ("Über".encode("latin-1"), "Über"),
        (b"\xef\xbb\xbfAir", "Air"),
        (b"  Air\0\0", "Air"),
        (b"An\r\nair \x1b[31mred\x07", "An air [31mred"),
        (b"\x80\x9b31mAir", "31mAir"),
        (b"", ""),
    ],
)
def test_names_are_decoded_and_cleaned(written: bytes, name: str) -> None:
    assert read(file(number(0) + meta(0x03, written) + ONE_NOTE + END)).names == {0: name}


def _tracks(*bodies: bytes, division: bytes = b"\x00\x60") -> bytes:
    return file(*bodies, division=division)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_tracks(b"\x01\x90\x3c\x50\x01\x80\x3c\x00" * (MAX_NOTES + 1)), f"at most {MAX_NOTES} notes .* 200001"),
        (_tracks(*[ONE_NOTE] * (MAX_TRACKS + 1)), f"at most {MAX_TRACKS} tracks are read: it announces 1001"),
        (_tracks(b"\x00\xff\x03\x00" * (MAX_METAS + 1)), f"at most {MAX_METAS} tempos, signatures and names"),
        (_tracks(b"\0" * MAX_MIDI_BYTES), f"at most {MAX_MIDI_BYTES} bytes are read"),
        (_tracks(b"\xff\xff\xff\x7f\x90\x3c\x50\1\x3c\0"), f"at most {MAX_QUARTERS} quarter notes .* 2.79\\d*e\\+06"),
        (_tracks((b"\xff\xff\xff\x7f\x90\x3c\x50\1\x3c\0") * 50_000), "quarter notes is read"),
    ],
    ids=["notes", "tracks", "metas", "bytes", "a long silence", "many long silences"],
)
def test_limits_are_checked_quickly(data: bytes, reason: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=reason):
        read(data)
    assert time.perf_counter() - begin < 10


def test_events_after_the_last_note_are_ignored() -> None:
    late = number(2**28 - 1) + meta(0x58, b"\x03\x02\x18\x08")
    midi = read(_tracks(ONE_NOTE + late + END))
    assert midi.notes.end.tolist() == [96]
    assert midi.metres == ()


@settings(max_examples=300)
@given(DAMAGED)
def test_a_damaged_file_is_read_or_rejected_in_one_line(data: bytes) -> None:
    try:
        notes = read(data).notes
    except ValueError as error:
        reason = str(error)
        assert reason.startswith(("it is ", "its clock ", "there are no notes", "music of at most", "MIDI files of"))
        assert "\n" not in reason
        return
    assert ((notes.velocity > 0) & (notes.velocity < 128) & (notes.pitch < 128)).all()
    assert (notes.end >= notes.tick).all()


@pytest.mark.skipif(PERFORMANCES is None, reason="TUNESMITH_TEST_PERFORMANCES is not set to a folder of performances")
def test_notes_of_real_performances_match_mido() -> None:
    paths = sorted(Path(str(PERFORMANCES)).glob("*/*.mid"))
    assert len(paths) > 10
    for path in paths[::40]:
        data = path.read_bytes()
        notes = read(data).notes
        assert rows(notes) == by_mido(data)
        assert notes.is_piano.all()
        assert notes.released.all()
    assert rows(read(hand_midi.performance(1)).notes) == by_mido(hand_midi.performance(1))
