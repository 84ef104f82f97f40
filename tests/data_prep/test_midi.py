"""MIDI files: the grid, voices, signatures, and files that are no good."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import music21
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.grid import DIVISIONS, snap
from data_prep.melodies import REST
from data_prep.notes import Note, Piece, Reading
from data_prep.scores import read


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


def test_a_long_silence_is_a_rest_cut_at_the_bar_line(
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    (piece,) = read_midi(midi([*strike(60, 0, 120), *strike(62, 600, 720)])).pieces
    assert [(note.pitch, note.duration) for note in rows(piece)] == [(60, 1), (REST, 3), (REST, 1), (62, 1)]


def test_a_late_entry_begins_in_the_bar_of_its_first_note(
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    (piece,) = read_midi(midi([*strike(60, 480 * 8 + 120, 480 * 9)])).pieces
    assert [(note.onset, note.pitch, note.duration) for note in rows(piece)] == [(0, REST, 1), (1, 60, 3)]


def test_tracks_channels_and_overlaps_make_voices(
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


def test_notes_struck_and_released_together_are_a_chord(
    read_midi: Callable[[bytes], Reading],
    midi: Callable[..., bytes],
    strike: Callable[..., list[tuple[int, bytes]]],
    rows: Callable[[Piece], list[Note]],
) -> None:
    (piece,) = read_midi(midi([*strike(60, 0, 120), *strike(64, 0, 120), *strike(67, 120, 240)])).pieces
    assert [(note.pitch, note.chord_size) for note in rows(piece)] == [(64, 2), (67, 1)]


def test_drums_are_left_out(
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


def test_a_real_file_with_a_pickup() -> None:
    folder = Path(music21.__file__).parent / "midi" / "testPrimitive"
    pieces = read(folder / "test02.mid").pieces
    assert [piece.heading.num_parts for piece in pieces] == [4] * 4
    assert {(piece.heading.metres[0][1:], piece.heading.pickup) for piece in pieces} == {((4, 4), Fraction(1))}


def test_no_notes(read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes]) -> None:
    assert [unread.reason for unread in read_midi(midi([(0, b"\xff\x03\x05empty")])).unread] == [
        "there are no notes in it"
    ]


def test_a_truncated_file(
    read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes], strike: Callable[..., list[tuple[int, bytes]]]
) -> None:
    data = midi([*strike(60, 0, 120), *strike(62, 120, 240)])
    for length in range(4, len(data)):
        (unread,) = read_midi(data[:length]).unread
        assert unread.reason.startswith("it is cut short: "), length


def test_a_text_file_called_mid(read_midi: Callable[[bytes], Reading]) -> None:
    (unread,) = read_midi(b"Dear diary, today I wrote no music.\n").unread
    assert unread.reason == "it is no MIDI file: it does not begin with MThd"


def test_a_clock_of_seconds(
    read_midi: Callable[[bytes], Reading], midi: Callable[..., bytes], strike: Callable[..., list[tuple[int, bytes]]]
) -> None:
    data = bytearray(midi(strike(60, 0, 120)))
    data[12:14] = bytes([256 - 25, 40])  # 25 frames a second, 40 ticks a frame
    (unread,) = read_midi(bytes(data)).unread
    assert unread.tune == ""
    data[12:14] = bytes([256 - 25, 25])
    (unread,) = read_midi(bytes(data)).unread
    assert "seconds" in unread.reason


@given(st.integers(0, 10**6), st.integers(1, 2000))
def test_snapping_finds_the_nearest_time_of_the_grid(ticks: int, ticks_per_quarter: int) -> None:
    exact = Fraction(ticks, ticks_per_quarter)
    found = snap(ticks, ticks_per_quarter)
    assert any(found * division == int(found * division) for division in DIVISIONS)
    whole = int(exact)
    grid = {whole + Fraction(step, division) for division in DIVISIONS for step in range(division + 1)}
    assert abs(found - exact) == min(abs(time - exact) for time in grid)


@given(st.integers(0, 10**5), st.sampled_from(DIVISIONS), st.integers(1, 50))
def test_times_on_the_grid_stay(step: int, division: int, factor: int) -> None:
    assert snap(step * factor, division * factor) == Fraction(step, division)
