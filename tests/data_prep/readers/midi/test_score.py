"""Tests of MIDI files as scores: the grid, voices, signatures, and errors."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import music21
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21.pitch import Pitch

from data_prep.grid import DIVISIONS, snap
from data_prep.pitches import REST
from data_prep.readers.notes import Note, Piece, Reading, midi_name
from data_prep.readers.scores import read
from tests.midi_files import DAMAGED


@pytest.fixture
def read_midi(tmp_path: Path) -> Callable[[bytes], Reading]:
    def make(data: bytes) -> Reading:
        path = tmp_path / "file.mid"
        path.write_bytes(data)
        return read(path)

    return make


def test_notes_with_their_velocities_on_the_grid(
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    # a quarter played a little late and short, two eighths, a half
    track = [*strike(60, 3, 110, velocity=90), *strike(62, 121, 175), *strike(64, 181, 240), *strike(65, 238, 480)]
    (piece,) = read_midi(midi(track)).pieces
    assert [(note.onset, note.duration, note.pitch, note.spelling, note.velocity) for note in rows(piece)] == [
        (0, 1, 60, "C4", 90),
        (1, Fraction(1, 2), 62, "D4", 80),
        (Fraction(3, 2), Fraction(1, 2), 64, "E4", 80),
        (2, 2, 65, "F4", 80),
    ]


def test_a_long_silence_is_filled_with_rests_divided_at_bar_lines(
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    (piece,) = read_midi(midi([*strike(60, 0, 120), *strike(62, 600, 720)])).pieces
    assert [(note.pitch, note.duration) for note in rows(piece)] == [(60, 1), (REST, 3), (REST, 1), (62, 1)]


def test_a_late_voice_begins_in_the_bar_of_its_first_note(
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    (piece,) = read_midi(midi([*strike(60, 480 * 8 + 120, 480 * 9)])).pieces
    assert [(note.onset, note.pitch, note.duration) for note in rows(piece)] == [(0, REST, 1), (1, 60, 3)]


def test_voices_of_tracks_channels_and_overlaps(
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    first = [*strike(72, 0, 240), *strike(74, 240, 480), *strike(60, 0, 480), *strike(50, 0, 480, channel=2)]
    second = strike(40, 0, 480)
    pieces = read_midi(midi(first, second)).pieces
    assert [[note.pitch for note in rows(piece)] for piece in pieces] == [[72, 74], [60], [50], [40]]
    assert [piece.heading.part for piece in pieces] == [
        "track 1, channel 1, voice 1",
        "track 1, channel 1, voice 2",
        "track 1, channel 2, voice 1",
        "track 2, channel 1, voice 1",
    ]
    assert {piece.heading.num_parts for piece in pieces} == {4}


def test_notes_with_the_same_onset_and_end_are_a_chord(
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    (piece,) = read_midi(midi([*strike(60, 0, 120), *strike(64, 0, 120), *strike(67, 120, 240)])).pieces
    assert [(note.pitch, note.chord_size) for note in rows(piece)] == [(64, 2), (67, 1)]


ORNAMENTS = {
    "on the beat": (0, 12),
    "on the beat, a thirty-second long": (0, 15),
    "a little before the note, held into it": (-4, 5),
    "before the beat": (-6, 0),
    "well before the beat, held into the note before": (-13, 0),
    "on the beat, before its note": (0, 4),
}
"""(begin, end) of an acciaccatura relative to its beat (ticks of 1/120 quarter note)."""


@pytest.mark.parametrize("touch", [-10, 0, 14], ids=["detached", "exact", "legato"])
@pytest.mark.parametrize(("begin", "end"), ORNAMENTS.values(), ids=ORNAMENTS)
def test_an_acciaccatura_does_not_split_a_tune(
    begin: int,
    end: int,
    touch: int,
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    touch = min(touch, begin + 20)  # a note held through the ornament overlaps the next note a little
    tune = [strike(pitch, 120 * beat, 120 * (beat + 1) + touch) for beat, pitch in enumerate(scale)]
    late = end if (begin, end) == ORNAMENTS["on the beat, before its note"] else 0
    tune[4] = strike(67, 480 + late, 600 + touch)
    ornament = strike(66, 480 + begin, 480 + end)
    (piece,) = read_midi(midi([event for note in [*tune, ornament] for event in note])).pieces
    notes = rows(piece)
    timed = [note for note in notes if note.duration]
    assert [(note.onset, note.pitch) for note in notes if note.pitch != 66] == list(enumerate(scale))
    assert all(a.onset + a.duration == b.onset for a, b in pairwise(timed))
    (grace,) = [note for note in notes if note.pitch == 66]
    assert notes[notes.index(grace) + 1].pitch == 67
    assert grace.duration in (0, Fraction(1, 8))


def test_a_run_of_short_notes_below_a_long_one_is_not_an_ornament(
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    run = [event for step in range(8) for event in strike(50 + step, 15 * step, 15 * step + 14)]
    high, low = read_midi(midi([*strike(72, 0, 120), *run])).pieces
    assert [(note.pitch, note.duration) for note in rows(high)] == [(72, 1)]
    assert [(note.pitch, note.duration) for note in rows(low)] == [(50 + step, Fraction(1, 8)) for step in range(8)]


def test_overlapping_notes_of_the_same_key_are_cut(
    read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes], rows: Callable[[Piece], list[Note]]
) -> None:
    on, off = b"\x90\x3c\x50", b"\x80\x3c\x00"
    (piece,) = read_midi(midi([(0, on), (120, on), (120, off), (240, on), (360, off), (480, off)])).pieces
    assert [(note.pitch, note.onset, note.duration) for note in rows(piece)] == [(60, 0, 1), (60, 1, 1), (60, 2, 1)]


def test_a_note_that_is_never_released_lasts_until_the_next(
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    stuck = (120, b"\x90\x3e\x50")
    (piece,) = read_midi(midi([*strike(60, 0, 120), stuck, *strike(64, 240, 360)])).pieces
    assert [(note.pitch, note.duration) for note in rows(piece)] == [(60, 1), (62, 1), (64, 1)]
    (unread,) = read_midi(midi([stuck, (180, b"\x90\x40\x50")])).unread
    assert unread.reason == "2 of its 2 notes never end"


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        (2, "its tracks are independent pieces (format 2); formats 0 and 1 are read as a score"),
        (7, "its format is 7; formats 0 and 1 are read as a score"),
    ],
)
def test_formats_other_than_0_and_1_are_rejected(
    form: int,
    reason: str,
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
) -> None:
    (unread,) = read_midi(midi(strike(60, 0, 120), form=form)).unread
    assert unread.reason == reason


def test_invalid_signatures_are_ignored(
    read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes], strike: Callable[..., list[tuple[int, bytes]]]
) -> None:
    metres = [bytes([0xFF, 0x58, 4, beats, power, 24, 8]) for beats, power in ((0, 2), (2, 33), (1, 255), (200, 2))]
    keys = [bytes([0xFF, 0x59, 2, fifths % 256, mode]) for fifths, mode in ((-8, 0), (100, 2), (3, 9))]
    events = [(0, event) for event in [*metres, *keys]]
    (piece,) = read_midi(midi([*events, *strike(60, 0, 120)])).pieces
    assert (piece.heading.metres, piece.heading.keys, piece.num_sounding) == ((), (), 1)


def test_many_voices_with_long_rests_are_rejected(
    read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes], strike: Callable[..., list[tuple[int, bytes]]]
) -> None:
    late = 120 * 4 * 9000
    tracks = [[*strike(60, 0, 120), *strike(60, late, late + 120)] for _ in range(100)]
    (unread,) = read_midi(midi(*tracks)).unread
    assert unread.reason == "its 100 voices rest for more than 200000 bars together"


def test_names_of_pitches_match_music21() -> None:
    assert [midi_name(pitch) for pitch in range(128)] == [Pitch(midi=pitch).nameWithOctave for pitch in range(128)]


def test_drums_are_omitted(
    read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes], strike: Callable[..., list[tuple[int, bytes]]]
) -> None:
    pieces = read_midi(midi([*strike(60, 0, 120), *strike(36, 0, 120, channel=10)])).pieces
    assert len(pieces) == 1
    assert [unread.reason for unread in read_midi(midi(strike(36, 0, 120, channel=10))).unread] == [
        "there are no notes in it"
    ]


def test_metre_key_and_a_pickup_written_as_a_short_metre(
    read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes], strike: Callable[..., list[tuple[int, bytes]]]
) -> None:
    signatures = [
        (0, b"\xff\x58\x04\x01\x02\x18\x08"),  # 1/4
        (120, b"\xff\x58\x04\x03\x02\x18\x08"),  # 3/4
        (0, b"\xff\x59\x02\xfd\x01"),  # three flats, minor
        (0, b"\xff\x03\x03Air"),
    ]
    (piece,) = read_midi(midi([*signatures, *strike(60, 0, 120), *strike(62, 120, 480)])).pieces
    heading = piece.heading
    assert [metre[1:] for metre in heading.metres] == [(3, 4)]
    assert heading.pickup == 1
    assert [key[1:] for key in heading.keys] == [(0, "minor")]
    assert heading.title == "Air"


def test_the_pickup_of_a_real_file() -> None:
    folder = Path(music21.__file__).parent / "midi" / "testPrimitive"
    pieces = read(folder / "test02.mid").pieces
    assert [piece.heading.num_parts for piece in pieces] == [4] * 4
    assert {(piece.heading.metres[0][1:], piece.heading.pickup) for piece in pieces} == {((4, 4), Fraction(1))}


def test_a_file_without_notes_is_rejected(read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes]) -> None:
    assert [unread.reason for unread in read_midi(midi([(0, b"\xff\x03\x05empty")])).unread] == [
        "there are no notes in it"
    ]


def test_a_truncated_file_is_rejected(
    read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes], strike: Callable[..., list[tuple[int, bytes]]]
) -> None:
    data = midi([*strike(60, 0, 120), *strike(62, 120, 240)])
    for length in range(4, len(data)):
        (unread,) = read_midi(data[:length]).unread
        assert unread.reason.startswith("it is cut short: "), length


def test_a_text_file_is_rejected(read_midi: Callable[[bytes], Reading]) -> None:
    (unread,) = read_midi(b"Dear diary, today I wrote no music.\n").unread
    assert unread.reason == "it is not a MIDI file: it does not begin with MThd"


def test_a_clock_in_seconds_is_rejected(
    read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes], strike: Callable[..., list[tuple[int, bytes]]]
) -> None:
    data = bytearray(midi(strike(60, 0, 120)))
    data[12:14] = bytes([256 - 25, 40])  # 25 frames per second, 40 ticks per frame
    (unread,) = read_midi(bytes(data)).unread
    assert unread.tune == ""
    data[12:14] = bytes([256 - 25, 25])
    (unread,) = read_midi(bytes(data)).unread
    assert "seconds" in unread.reason


@settings(max_examples=300)
@given(data=DAMAGED)
def test_a_damaged_file_is_read_or_rejected_with_a_reason(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.mid"
    path.write_bytes(data)
    reading = read(path)
    beginnings = ("it is ", "its ", "there are no notes", "music of at most", "MIDI files of", "files of")
    for unread in reading.unread:
        assert unread.reason.startswith(beginnings) or unread.reason[0].isdigit()
        assert "\n" not in unread.reason
    for piece in reading.pieces:
        ends = piece.onset + piece.duration
        assert np.array_equal(ends[:-1], piece.onset[1:])
        assert piece.num_sounding > 0


@given(st.integers(0, 10**6), st.integers(1, 2000))
def test_snap_returns_the_nearest_time_on_the_grid(ticks: int, ticks_per_quarter: int) -> None:
    exact = Fraction(ticks, ticks_per_quarter)
    snapped = snap(ticks, ticks_per_quarter)
    assert any(snapped * division == int(snapped * division) for division in DIVISIONS)
    whole = int(exact)
    grid = {whole + Fraction(step, division) for division in DIVISIONS for step in range(division + 1)}
    assert abs(snapped - exact) == min(abs(time - exact) for time in grid)


@given(st.integers(0, 10**5), st.sampled_from(DIVISIONS), st.integers(1, 50))
def test_snap_keeps_times_on_the_grid(step: int, division: int, factor: int) -> None:
    assert snap(step * factor, division * factor) == Fraction(step, division)
